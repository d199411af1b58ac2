import CAllocationCounter
import ComplexModule
import Testing

@testable import BlockKrylov

/// The plan that a solver gives before it solves, the use that it reports, and what the allocator saw: the same within a tenth.
@Suite(.enabled(if: allocation_counter_works() != 0, "allocations cannot be counted on this platform"))
struct MemoryPlanTests {
  struct Case: CustomTestStringConvertible {
    let name: String
    var method: any BlockMethod
    var testDescription: String { name }
  }

  /// Methods whose iterations are long enough to fill their workspace; none is preconditioned so well that it ends before.
  static let cases: [Case] = [
    Case(name: "cg", method: BlockCG()), Case(name: "cg jacobi", method: BlockCG().preconditioned(by: .jacobi)),
    Case(name: "cg ic0", method: BlockCG().preconditioned(by: .ic0)), Case(name: "ecg", method: EnlargedCG(enlargement: 4)),
    Case(name: "bf-cg", method: BreakdownFreeBlockCG()),
    Case(name: "cg chebyshev", method: BlockCG().preconditioned(by: .chebyshev(degree: 2))),
    Case(name: "gmres polynomial", method: BlockGMRES(restart: 20).preconditioned(by: .polynomial(degree: 2))),
    Case(name: "bicgstab polynomial", method: BlockBiCGStab().preconditioned(by: .polynomial(degree: 2))),
    Case(name: "bicgstab ilutp", method: BlockBiCGStab().preconditioned(by: .ilutp())),
    Case(name: "minres", method: BlockMINRES()), Case(name: "minres jacobi", method: BlockMINRES().preconditioned(by: .jacobi)),
    Case(name: "gmres", method: BlockGMRES(restart: 20)),
    Case(name: "gmres ilu0", method: BlockGMRES(restart: 20).preconditioned(by: .ilu0)),
    Case(name: "gmres left", method: BlockGMRES(restart: 20, side: .left).preconditioned(by: .jacobi)),
    Case(name: "fgmres", method: BlockGMRES(restart: 20, side: .flexible).preconditioned(by: .jacobi)),
    Case(name: "gmres plain restarts", method: BlockGMRES(restart: 20).with { $0.deflation = 0 }),
    Case(name: "gcrodr", method: BlockGCRODR(restart: 20, kept: 10)), Case(name: "bicgstab", method: BlockBiCGStab()),
    Case(name: "bicgstab jacobi", method: BlockBiCGStab().preconditioned(by: .jacobi)),
    Case(name: "pseudo-cg", method: PseudoBlockCG()),
    Case(name: "pseudo-cg jacobi", method: PseudoBlockCG().preconditioned(by: .jacobi)),
    Case(name: "pseudo-gmres", method: PseudoBlockGMRES(restart: 20)),
    Case(name: "pseudo-gmres jacobi", method: PseudoBlockGMRES(restart: 20).preconditioned(by: .jacobi)),
    Case(name: "pseudo-gmres single basis", method: PseudoBlockGMRES(restart: 20).storingBasis(in: .single)),
    Case(name: "pseudo-bicgstab", method: PseudoBlockBiCGStab()),
    Case(name: "pseudo-bicgstab jacobi", method: PseudoBlockBiCGStab().preconditioned(by: .jacobi)),
    Case(name: "idr", method: PseudoBlockIDR()), Case(name: "idr jacobi", method: PseudoBlockIDR().preconditioned(by: .jacobi)),
    Case(name: "lsqr", method: LSQR()), Case(name: "lsqr damped", method: LSQR(damping: 0.1)),
    Case(name: "lsmr jacobi", method: LSMR().preconditioned(by: .jacobi)),
    Case(name: "mixed-cg ic0", method: MixedPrecision(BlockCG().preconditioned(by: .ic0))),
    Case(name: "mixed-gmres", method: MixedPrecision(BlockGMRES(restart: 20))),
    Case(name: "mixed-bicgstab", method: MixedPrecision(PseudoBlockBiCGStab())),
    Case(name: "auto", method: AutomaticSolver()), Case(name: "auto none", method: AutomaticSolver().preconditioned(by: .none)),
    Case(name: "auto amg", method: AutomaticSolver().preconditioned(by: .smoothedAggregation())),
    Case(name: "cg amg", method: BlockCG().preconditioned(by: .smoothedAggregation())),
  ]

  /// Large enough that small matrices and reports are little beside the blocks.
  private static let real = Result { try Reference.poisson(110, Double.self) }

  /// - Parameters:
  ///   - scale: of the right-hand sides.
  ///   - limit: of the memory, measured by the plan without a limit.
  private func measure<S: Scalar>(
    _ item: Case, _ a: CSRMatrix<S>, _ m: Int, scale: Double = 1, limit: Double? = nil
  ) throws {
    var random = SplitMix(951)
    var b: BlockVector<S> = random.block(a.rows, m)
    b.scale(by: S(double: scale))
    var method = item.method.with {
      ($0.tolerance, $0.maximumIterations, $0.threads) = (.relative(1e-14), 70, 1)
      $0.recordsHistory = false
    }
    if let limit {
      let bytes = Int(limit * Double(try method.prepare(a).plan(for: b).bytesPlanned))
      method = method.with { $0.memoryLimit = bytes }
    }
    let floor = allocated_live()
    let prepared = try method.prepare(a)
    // What the set-up held for itself is gone; what it left is part of the plan.
    allocated_peak_reset()
    let plan = try prepared.plan(for: b).bytesPlanned
    if scale == 1, limit == nil { #expect(plan == prepared.bytesPlanned(columns: m)) }
    let result = try prepared.solve(b)
    let peak = Int(allocated_peak() - floor)
    let report = result.report
    #expect(limit == nil ? report.bytesPlanned == plan : report.bytesPlanned <= plan)
    // X is not part of the plan.
    let seen = peak - result.solution.byteCount
    let (used, planned) = (Double(report.bytesUsed) / Double(plan), Double(seen) / Double(plan))
    #expect(used >= 0.9 && used <= 1.1, "\(item.name) \(S.self) \(m): used \(report.bytesUsed), planned \(plan)")
    #expect(
      planned >= 0.9 && planned <= 1.1,
      "\(item.name) \(S.self) \(m): allocated \(seen), planned \(plan), used \(report.bytesUsed)")
    if let limit = method.options.memoryLimit {
      #expect(plan <= limit && report.blockWidth > 0, "\(item.name): \(plan) of \(limit)")
      #expect(Double(seen) <= 1.1 * Double(limit), "\(item.name): allocated \(seen) of \(limit)")
    }
  }

  @Test(arguments: cases, [1, 3, 8])
  func planUseAndAllocator(item: Case, m: Int) throws { try measure(item, Self.real.get(), m) }

  /// Columns that have to be scaled make a copy of B, which the plan for that B counts.
  @Test(arguments: cases)
  func badlyScaledColumns(item: Case) throws { try measure(item, Self.real.get(), 4, scale: 1e200) }

  /// Shorter cycles or narrower groups keep to three quarters of what a solve would take.
  @Test(arguments: cases)
  func limitsAreKept(item: Case) throws { try measure(item, Self.real.get(), 8, limit: 0.75) }

  /// A limit that one column exceeds is refused with the memory that it needs, which is then enough.
  @Test(arguments: cases)
  func whatIsNeededIsNamed(item: Case) throws {
    let a = try Reference.poisson(20, Double.self)
    let b = BlockVector<Double>(rows: 400, columns: 3) { i, j in Double((i + j) % 7) }
    let needed: Int
    do {
      _ = try item.method.with { $0.memoryLimit = 1 }.solve(a, b)
      Issue.record("\(item.name): solved in a byte")
      return
    } catch BlockKrylovError.invalidOption(let text) {
      let numbers = text.split { !$0.isNumber }.compactMap { Int($0) }
      #expect(text.contains("needs"), "\(text)")
      needed = try #require(numbers.last { $0 > 1000 }, "\(text)")
    }
    let report = try item.method.with { ($0.memoryLimit, $0.maximumIterations) = (needed, 10) }.solve(a, b).report
    #expect(report.bytesPlanned <= needed && report.blockWidth == 1, "\(item.name): \(report.bytesPlanned) of \(needed)")
  }

  @Test(arguments: cases.filter { ["cg ic0", "gmres ilu0", "minres", "mixed-cg ic0"].contains($0.name) })
  func complexNumbers(item: Case) throws {
    try measure(item, Self.real.get().converted(to: Complex<Double>.self), 4)
  }
}
