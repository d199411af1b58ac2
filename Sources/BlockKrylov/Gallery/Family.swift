extension Gallery {
  /// The kinds of problem; each case states its matrix in full.
  ///
  /// e_d is the step to the next grid point in direction d, and a neighbour outside the grid has no entry (homogeneous Dirichlet
  /// conditions) except where boundary conditions are given.
  public enum Family: String, CaseIterable, Sendable {
    /// −Δu on the square, five points: 4 on the diagonal, −1 towards the neighbours. n = N².
    case poisson2d
    /// −Δu on the cube, seven points: 6 on the diagonal, −1 towards the neighbours. n = N³.
    case poisson3d
    /// −u_xx − ε·u_yy: 2 + 2ε on the diagonal, −1 towards ±e_x, −ε towards ±e_y. ε = 0.001 by default, strong coupling in x only.
    case anisotropic2d
    /// −∇·(k∇u) with a coefficient per grid point that jumps over C decades, C = 4 by default.
    ///
    /// k_i = 10^(C·u), u = unit(splitmix64(7919 + i)); a face carries w = 2·k₁·k₂/(k₁ + k₂), a face on the boundary w =
    /// 2·k·k/(k + k), in rounded arithmetic k. The entry through a face is −w, the diagonal Σ_d (w towards −e_d + w towards
    /// +e_d).
    case varcoef2d
    /// As ``varcoef2d``, on the cube.
    case varcoef3d
    /// −Δu + V·u_x, centred differences, V = 20 by default: 4 on the diagonal, −1 − V·h/2 towards −e_x, −1 + V·h/2 towards
    /// +e_x, −1 towards ±e_y.
    case convdiff2d
    /// −Δu + v·∇u, first-order upwind, v = V·(1, ½, ¼), V = 50 by default.
    ///
    /// With c_d = v_d·h: −(1 + c_d) towards −e_d, −1 towards +e_d, 6 + c_x + c_y + c_z on the diagonal.
    case convdiff3d
    /// −Δu − σ·u on the square: 4 − σ·h² on the diagonal, −1 towards the neighbours.
    ///
    /// Symmetric indefinite for σ > 2π². The default σ = 150 lies between the eigenvalues 13π² and 17π² of the differential
    /// operator and leaves 8 negative ones for N ≥ 10.
    case indefinite2d
    /// −Δu with Neumann conditions on N×N cells: the number of neighbours on the diagonal, −1 towards each.
    ///
    /// Symmetric, semidefinite and singular: rows sum to 0, the null space is the constants. A right-hand side is consistent
    /// when its entries sum to 0.
    case neumann2d
    /// As ``neumann2d``, on N×N×N cells.
    case neumann3d
    /// −Δu − k²·u on the square with the first-order absorbing condition ∂u/∂n = i·k·u. Complex symmetric.
    ///
    /// The value on the boundary is eliminated by the one-sided difference (u_Γ − u_i)/h = i·k·u_Γ, that is u_Γ = u_i/(1 −
    /// i·κ), κ = k·h. With s the number of neighbours outside the grid (0, 1 or 2; for N = 1 it is 4), the diagonal is 4 − κ² −
    /// s·(1 + i·κ)/(1 + κ²), and −1 stands towards each neighbour inside. The default k = 2π(N+1)/10 puts 10 grid spacings on a
    /// wavelength.
    case helmholtz2d
    /// Linear elasticity in plane stress on the unit square: N×N bilinear square elements, E = 1, thickness 1, Poisson's ratio
    /// ν = 0.3 by default, the left edge clamped. n = 2·N·(N+1), symmetric positive definite.
    ///
    /// The free nodes (x, y), x = 1…N, y = 0…N, are numbered y·N + x − 1 with x fastest; unknown 2·node + c is the displacement
    /// in direction c. With bilinear shapes φ, D = 1/(1−ν²) and G = 1/(2(1+ν)) the element's entries are, for directions x and
    /// x, D·∫φ_a,x φ_b,x + G·∫φ_a,y φ_b,y (for y and y with x and y exchanged), for x and y ν·D·∫φ_a,x φ_b,y + G·∫φ_a,y φ_b,x.
    /// Entries between neighbouring nodes are stored also where they cancel to zero. ``Problem/loadCases(_:)`` gives loads.
    case elasticity2d
    /// 0.1, 1, 2, …, N−1 on the diagonal and 1 above it (Morgan, Appl. Numer. Math. 54 (2005) 222–236): upper triangular, not
    /// normal.
    case bidiagonal
    /// Diagonal with Strakoš's spectrum λ_i = 1 + (i−1)/(N−1)·(κ−1)·ρ^(N−i), i = 1…N, ρ = 0.8; κ = 10⁵ by default (Strakoš,
    /// Linear Algebra Appl. 154–156 (1991) 535–549).
    ///
    /// The eigenvalues gather at 1 and a few large ones stand far apart, which makes rounding delay conjugate gradients strongly.
    case strakos
  }
}

extension Gallery.Family {
  /// A number that a family takes after N.
  struct Parameter {
    var name: String
    var range: ClosedRange<Double>
    var standard: (_ size: Int) -> Double

    init(_ name: String, _ range: ClosedRange<Double>, standard: Double) { self.init(name, range) { _ in standard } }
    init(_ name: String, _ range: ClosedRange<Double>, standard: @escaping (_ size: Int) -> Double) {
      (self.name, self.range, self.standard) = (name, range, standard)
    }
  }

  /// The families' parameters; the ranges keep every entry finite in single precision also.
  var parameter: Parameter? {
    switch self {
    case .poisson2d, .poisson3d, .neumann2d, .neumann3d, .bidiagonal: nil
    case .anisotropic2d: Parameter("eps", 1e-12...1e12, standard: 0.001)
    case .varcoef2d, .varcoef3d: Parameter("C", -30...30, standard: 4)
    case .convdiff2d: Parameter("V", -1e12...1e12, standard: 20)
    case .convdiff3d: Parameter("V", 0...1e12, standard: 50)
    case .indefinite2d: Parameter("sigma", -1e12...1e12, standard: 150)
    case .helmholtz2d: Parameter("k", 1e-12...1e12) { 2 * Double.pi * Double($0 + 1) / 10 }
    case .elasticity2d: Parameter("nu", 0...0.5, standard: 0.3)
    case .strakos: Parameter("kappa", 1...1e15, standard: 1e5)
    }
  }

  /// How a problem of the family is written, such as `convdiff3d:N[:V]`.
  public var form: String { rawValue + ":N" + (parameter.map { "[:\($0.name)]" } ?? "") }

  /// One line on the problem, for lists.
  public var summary: String {
    switch self {
    case .poisson2d: "−Δu on the square, 5-point; symmetric positive definite, n = N²"
    case .poisson3d: "−Δu on the cube, 7-point; symmetric positive definite, n = N³"
    case .anisotropic2d: "−u_xx − eps·u_yy on the square (eps = 0.001); symmetric positive definite, n = N²"
    case .varcoef2d: "−∇·(k∇u) on the square, k jumping over C decades (4); symmetric positive definite, n = N²"
    case .varcoef3d: "−∇·(k∇u) on the cube, k jumping over C decades (4); symmetric positive definite, n = N³"
    case .convdiff2d: "−Δu + V·u_x on the square, centred (V = 20); nonsymmetric, n = N²"
    case .convdiff3d: "−Δu + v·∇u on the cube, upwind, v = V·(1, ½, ¼) (V = 50); nonsymmetric, n = N³"
    case .indefinite2d: "−Δu − sigma·u on the square (150: 8 negative eigenvalues); symmetric indefinite, n = N²"
    case .neumann2d: "−Δu on N×N cells, Neumann conditions; symmetric, singular (constants), n = N²"
    case .neumann3d: "−Δu on N×N×N cells, Neumann conditions; symmetric, singular (constants), n = N³"
    case .helmholtz2d: "−Δu − k²u on the square, absorbing conditions (k: 10 points a wavelength); complex symmetric, n = N²"
    case .elasticity2d:
      "plane stress, N×N bilinear elements, nu = 0.3, clamped on the left; symmetric positive definite, n = 2N(N+1)"
    case .bidiagonal: "0.1, 1, …, N−1 on the diagonal, ones above (Morgan); upper triangular, n = N"
    case .strakos: "diagonal with Strakoš's eigenvalues from 1 to kappa (100000); symmetric positive definite, n = N"
    }
  }

  /// Whether the entries have imaginary parts, so that only the complex scalar types can hold them.
  public var isComplex: Bool { self == .helmholtz2d }

  /// The number of directions of a grid; 1 for `bidiagonal` and `strakos`.
  var dimension: Int { rawValue.hasSuffix("3d") ? 3 : rawValue.hasSuffix("2d") ? 2 : 1 }

  /// The number of rows for size N; `nil` when it does not fit into 31 bits.
  func rows(size: Int) -> Int? {
    let factors = self == .elasticity2d ? [2, size, size + 1] : [Int](repeating: size, count: dimension)
    var rows = 1
    for factor in factors {
      let (product, overflow) = rows.multipliedReportingOverflow(by: factor)
      guard !overflow, product <= Int(Int32.max) else { return nil }
      rows = product
    }
    return rows
  }
}
