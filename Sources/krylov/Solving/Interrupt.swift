import Foundation
import Synchronization

/// Ctrl-C while a solve runs: the first one asks it to stop and keep what it has, the second one ends the command at once.
enum Interrupt {
  private static let flag = Atomic<Bool>(false)

  /// Whether Ctrl-C was pressed since `catching` began.
  static var wasRequested: Bool { flag.load(ordering: .relaxed) }

  /// Runs `body` with Ctrl-C caught.
  static func catching<Result>(_ body: () throws -> Result) rethrows -> Result {
    // Touched here because a signal handler must not be the first to initialise a global.
    flag.store(false, ordering: .relaxed)
    let previous = signal(SIGINT) { _ in
      Interrupt.flag.store(true, ordering: .relaxed)
      signal(SIGINT, SIG_DFL)
    }
    defer { signal(SIGINT, previous) }
    return try body()
  }
}
