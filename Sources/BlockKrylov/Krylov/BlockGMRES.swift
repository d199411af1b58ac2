/// Block GMRES for general A: all columns share one Krylov space, and the residual of every column is the smallest in it.
///
/// Restarted, preconditioned on the right by default so that the residual that is minimised is the true one; on the left, or flexible
/// (the preconditioner may change in every step) on request. See B. Vital (1990) and M. H. Gutknecht, “Block Krylov space methods for
/// linear systems with multiple right-hand sides” (2007); for flexible: H. Calandra, S. Gratton, J. Langou, X. Pinel and X. Vasseur,
/// “Flexible variants of block restarted GMRES”, SIAM J. Sci. Comput. 34, 2012.
///
/// A cycle of k steps from R = B − A·X:
/// ```
/// R = V₀Λ                                   rank-revealing: dependent columns cost nothing
/// A·M⁻¹·𝒱_k = 𝒱_{k+1}·H̄_k                   BlockArnoldi
/// Y = argmin ‖E₁Λ − H̄_k·Y‖ column by column  BlockHessenberg
/// X += M⁻¹·𝒱_k·Y
/// ```
/// - Columns need not take equally long: A is applied only to those combinations of the newest directions that some residual above its
///   bound still needs (inexact breakdowns; M. Robbé and M. Sadkane, Linear Algebra Appl. 419, 2006). The others are held back in the
///   basis and return if they are needed again. See ``SolverOptions/inexactBreakdowns``.
/// - A restart keeps the harmonic Ritz vectors of the eigenvalues next to zero (deflated restarting; R. B. Morgan, Appl. Numer. Math. 54,
///   2005; both together: E. Agullo, L. Giraud and Y.-F. Jing, SIAM J. Matrix Anal. Appl. 35, 2014). See ``SolverOptions/deflation``.
/// - Complexity of step k with p columns: one product with A, one application of M⁻¹, 8·n·k·p² flops.
///   Memory: restart + 3 blocks of n·p (2·restart + 4 when flexible), allocated as the basis grows, and from the first restart on 3
///   blocks of n·d (4 when flexible) for d kept directions.
public struct BlockGMRES: BlockMethod {
  /// `gmres`.
  public var name: String { "gmres" }
  /// The options; `dependentColumns` has no meaning here, dependent directions are always dropped.
  public var options = SolverOptions()

  /// Block GMRES with the options that are asked for most; the others are reached by ``BlockMethod/with(_:)``.
  public init(
    tolerance: Tolerance = .default, restart: Int = 50, side: PreconditionerSide = .right, maximumIterations: Int? = nil,
    timeLimit: Duration? = nil, threads: Int? = nil
  ) {
    options = SolverOptions(
      tolerance: tolerance, maximumIterations: maximumIterations, timeLimit: timeLimit, threads: threads)
    options.restart = restart
    options.side = side
  }

  /// Checks A and builds the preconditioner. One that varies makes the method flexible.
  ///
  /// - Throws: ``BlockKrylovError/unsupported(_:)`` for a varying preconditioner on the left.
  public func makeEngine<Element: Scalar>(
    for a: any LinearOperator<Element>, preconditioner: (any Preconditioner<Element>)?
  ) throws -> any SolveEngine<Element> {
    try makeGMRESEngine(for: a, preconditioner: preconditioner, recycles: false)
  }
}

extension BlockMethod {
  /// The engine of block GMRES and of block GCRO-DR.
  func makeGMRESEngine<Element: Scalar>(
    for a: any LinearOperator<Element>, preconditioner: (any Preconditioner<Element>)?, recycles: Bool
  ) throws -> any SolveEngine<Element> {
    try requireSquare(a)
    let m = try preconditioner ?? buildPreconditioner(options.preconditioner, for: a)
    var options = options
    if let m, m.isVariable {
      if options.side == .left {
        throw BlockKrylovError.unsupported(
          "the preconditioner \(m.name) changes from call to call and cannot stand on the left; use side: flexible")
      }
      options.side = .flexible
    }
    // M⁻¹·(V·y) of single precision is not (M⁻¹·V)·y to the digits of V: what is kept over restarts would not fit A.
    if let m, m.unitRoundoff > 10 * Element.unitRoundoff, options.side == .right { options.side = .flexible }
    var events: [SolveEvent] = []
    // One of the caller's may vary without saying so; the methods that assume it fixed would then stagnate far from the solution.
    if let preconditioner, options.side != .flexible,
      case .notLinear(let deviation) = try PreconditionerProbe.failure(of: preconditioner, requiringPositiveDefinite: false)
    {
      let finding = "the preconditioner \(preconditioner.name) is not linear (deviation \(deviation.brief) on random vectors)"
      guard options.side == .right else {
        throw BlockKrylovError.unsupported(finding + " and cannot stand on the left; use side: flexible")
      }
      options.side = .flexible
      events.append(SolveEvent(kind: .methodChanged, detail: finding + ": the flexible method takes the place of \(name)"))
    }
    if m == nil { options.side = .right }
    let title = (options.side == .flexible ? "f" : "") + name
    return BlockGMRESEngine(EngineCore(title, options, m, rows: a.rows), events: events, recycles: recycles)
  }
}
