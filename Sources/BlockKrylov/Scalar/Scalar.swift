public import ComplexModule
public import RealModule
internal import CKernels

/// The numbers that matrices and blocks are made of: `Float`, `Double`, `Complex<Float>` and `Complex<Double>`.
///
/// The kernels are compiled for exactly these four types, so a conformance of your own type cannot work and is not supported.
/// Everything that depends on the type passes through this protocol: solver code is written once.
/// Norms and the real and imaginary parts are of the associated type `Magnitude`, `Float` or `Double`.
public protocol Scalar: AlgebraicField, Sendable where Magnitude: RealScalar {
  /// The numbers of the same kind with parts of 32 bits: `Float` or `Complex<Float>`.
  associatedtype SinglePrecision: Scalar

  /// Whether the kernels see real or complex, single or double precision entries.
  static var scalarKind: ScalarKind { get }

  /// A number from its parts; a real type drops `imaginary`.
  init(real: Magnitude, imaginary: Magnitude)

  /// The complex conjugate; a real number is its own.
  var conjugate: Self { get }

  /// The real part as stored (also when the number is not finite).
  var realPart: Magnitude { get }

  /// The imaginary part as stored; 0 for a real type.
  var imaginaryPart: Magnitude { get }

  /// |z| without undue overflow or underflow.
  var modulus: Magnitude { get }

  /// Whether both parts are finite.
  var isFinite: Bool { get }
}

/// The real scalars, `Float` and `Double`, as `Scalar`s whose norms are of their own type.
public protocol RealScalar: Scalar, BinaryFloatingPoint where Magnitude == Self {}

/// Names the four scalar types at run time.
public enum ScalarKind: Int32, Sendable {
  /// `Float`.
  case float = 0
  /// `Double`.
  case double = 1
  /// `Complex<Float>`.
  case complexFloat = 2
  /// `Complex<Double>`.
  case complexDouble = 3

  /// Whether numbers of this kind have an imaginary part.
  public var isComplex: Bool { self == .complexFloat || self == .complexDouble }

  /// Whether the parts are 32 bits wide.
  public var isSinglePrecision: Bool { self == .float || self == .complexFloat }
}

extension Scalar {
  /// A real number as a scalar.
  @inlinable
  public init(_ real: Magnitude) { self.init(real: real, imaginary: 0) }

  /// A `Double`, rounded to this type.
  @inlinable
  public init(double value: Double) { self.init(real: Magnitude(value), imaginary: 0) }

  /// A complex number of double precision, rounded; a real type drops the imaginary part.
  @inlinable
  public init(real: Double, imaginary: Double) {
    self.init(real: Magnitude(real), imaginary: Magnitude(imaginary))
  }

  /// Whether the type has an imaginary part.
  @inlinable
  public static var isComplex: Bool { scalarKind.isComplex }

  /// The unit roundoff of the type's parts, half the distance from 1 to the next number (1.1e-16 for `Double`).
  @inlinable
  public static var unitRoundoff: Double { Double(Magnitude.ulpOfOne) / 2 }

  static var kernelType: bk_scalar { bk_scalar(rawValue: UInt32(scalarKind.rawValue)) }
}

extension Float: RealScalar {
  /// The type itself.
  public typealias SinglePrecision = Float
  /// `.float`.
  @inlinable
  public static var scalarKind: ScalarKind { .float }
  /// Drops the imaginary part.
  @inlinable
  public init(real: Float, imaginary: Float) { self = real }
  /// The number itself.
  @inlinable
  public var conjugate: Float { self }
  /// The number itself.
  @inlinable
  public var realPart: Float { self }
  /// 0.
  @inlinable
  public var imaginaryPart: Float { 0 }
  /// |x|.
  @inlinable
  public var modulus: Float { Swift.abs(self) }
}

extension Double: RealScalar {
  /// `Float`.
  public typealias SinglePrecision = Float
  /// `.double`.
  @inlinable
  public static var scalarKind: ScalarKind { .double }
  /// Drops the imaginary part.
  @inlinable
  public init(real: Double, imaginary: Double) { self = real }
  /// The number itself.
  @inlinable
  public var conjugate: Double { self }
  /// The number itself.
  @inlinable
  public var realPart: Double { self }
  /// 0.
  @inlinable
  public var imaginaryPart: Double { 0 }
  /// |x|.
  @inlinable
  public var modulus: Double { Swift.abs(self) }
}

extension Complex: Scalar where RealType: RealScalar {
  /// `Complex<Float>`.
  public typealias SinglePrecision = Complex<Float>
  /// `.complexFloat` or `.complexDouble`.
  @inlinable
  public static var scalarKind: ScalarKind { RealType.scalarKind == ScalarKind.float ? .complexFloat : .complexDouble }
  /// The number with these parts.
  @inlinable
  public init(real: RealType, imaginary: RealType) { self.init(real, imaginary) }
  /// The real part as stored, where `real` of swift-numerics gives NaN for any number that is not finite.
  @inlinable
  public var realPart: RealType { rawStorage.x }
  /// The imaginary part as stored.
  @inlinable
  public var imaginaryPart: RealType { rawStorage.y }
  /// √(x² + y²), scaled; NaN when a part is NaN.
  @inlinable
  public var modulus: RealType {
    rawStorage.x.isNaN || rawStorage.y.isNaN ? .nan : length
  }
}
