import BlockKrylov
import COpenBLASInfo
import Foundation

/// The process and the machine that it runs on.
enum Environment {
  /// OpenBLAS reads these while it is loaded, so the program starts once more without them.
  static func restartWithoutForcedKernels() throws {
    let forced = ["OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"].filter { ProcessInfo.processInfo.environment[$0] != nil }
    guard !forced.isEmpty, let path = Bundle.main.executablePath else { return }
    for name in forced { unsafe unsetenv(name) }
    var arguments = unsafe CommandLine.arguments.map { unsafe strdup($0) }
    unsafe arguments.append(nil)
    _ = unsafe execv(path, arguments)
  }

  /// The family of OpenBLAS kernels in use.
  static var openBLASCore: String { unsafe String(cString: openblas_get_corename()) }
  static var openBLASVersion: String {
    unsafe String(cString: openblas_get_config()).split(separator: " ").dropFirst().first.map(String.init) ?? "unknown"
  }

  /// The processor as the system names it.
  static let processor: String = {
    #if os(Linux)
      let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
      let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
      return line?.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) } ?? "unknown"
    #else
      return "unknown"
    #endif
  }()

  /// The most memory that the process held since ``resetPeak()``, in bytes; on other systems than Linux since its start.
  static var peakBytes: Int? {
    #if os(Linux)
      let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
      let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
      return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 }
    #else
      var usage = rusage()
      return unsafe getrusage(0, &usage) == 0 ? usage.ru_maxrss : nil
    #endif
  }

  static func resetPeak() { try? "5".write(toFile: "/proc/self/clear_refs", atomically: false, encoding: .utf8) }
}
