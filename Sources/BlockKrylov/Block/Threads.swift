internal import Synchronization

#if canImport(Darwin)
  internal import Darwin
#elseif canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

/// How many threads the kernels use.
///
/// Results have the same bits for any number of threads. The limit belongs to the current task, so that concurrent solves may
/// have different ones: `Threads.$limit.withValue(1) { … }`.
public enum Threads {
  /// The most threads that work started from this task uses; `nil` means ``available``.
  @TaskLocal public static var limit: Int?

  /// The processors that this process may use, or what the environment variable `KRYLOV_NUM_THREADS` says.
  public static let available: Int = {
    if let text = unsafe getenv("KRYLOV_NUM_THREADS"), let count = unsafe Int(String(cString: text)), count > 0 {
      return min(count, 1024)
    }
    return max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
  }()

  /// The number of threads that work started here may use.
  public static var count: Int { max(1, min(limit ?? available, 1024)) }

  /// The instruction set that the kernels run on here: `x86-64-v4`, `x86-64-v3` or `baseline`.
  public static var instructionSet: String { Kernels<Double>.instructionSet }
}

/// Splits work over rows into parts that run at once.
package enum Parallel {
  /// Work below this many bytes touched is not worth waking another thread (about 20 µs of memory traffic).
  static let grainBytes = 1 << 18

  /// The number of threads for work that touches `bytes` bytes.
  package static func threads(forBytes bytes: Int) -> Int {
    let limit = Threads.count
    return limit == 1 ? 1 : max(1, min(limit, bytes / grainBytes))
  }

  /// Runs `body` on contiguous ranges that cover 0 ..< count, one per thread; the ranges begin at multiples of 8.
  static func rows(_ count: Int, bytesPerRow: Int, _ body: (Range<Int>) -> Void) {
    let parts = threads(forBytes: count &* bytesPerRow)
    if parts == 1 { return body(0..<count) }
    WorkerPool.shared.run(parts) { part in
      let range = slice(part, of: parts, count: count)
      if !range.isEmpty { body(range) }
    }
  }

  /// The part-th of `parts` nearly equal ranges of 0 ..< count, beginning at multiples of 8 rows.
  static func slice(_ part: Int, of parts: Int, count: Int) -> Range<Int> {
    let groups = (count + 7) / 8
    let low = min(count, groups * part / parts * 8)
    let high = min(count, groups * (part + 1) / parts * 8)
    return low..<high
  }

  /// Runs `body` on each part number 0 ..< parts, on so many threads, as many as parts by default.
  package static func run(_ parts: Int, threads: Int? = nil, _ body: (Int) -> Void) {
    let threads = min(threads ?? parts, parts)
    if threads <= 1 {
      for part in 0..<parts { body(part) }
      return
    }
    WorkerPool.shared.run(threads) { thread in for part in stride(from: thread, to: parts, by: threads) { body(part) } }
  }

  /// Runs `body` on each part number 0 ..< parts, spread over the threads.
  package static func parts(_ parts: Int, bytes: Int, _ body: (Int) -> Void) {
    let threads = min(threads(forBytes: bytes), parts)
    if threads == 1 {
      for part in 0..<parts { body(part) }
      return
    }
    WorkerPool.shared.run(threads) { thread in
      for part in (parts * thread / threads)..<(parts * (thread + 1) / threads) { body(part) }
    }
  }
}

/// Threads that wait for work: they spin for a short while, since the next kernel usually follows within microseconds, then sleep.
///
/// One job runs at a time. A caller that finds the pool busy (another solve is running) does its parts alone, so concurrent solves
/// never wait for each other.
@safe final class WorkerPool: @unchecked Sendable {
  // Unchecked: `job` is written only by the caller that holds `busy`, before it raises `generation`.
  static let shared = WorkerPool()

  private typealias Job = (Int) -> Void
  private let busy = Atomic<Bool>(false)
  /// The number of the job times 1024, plus how many workers it wants: one word, so that a late waker sees both of one job.
  private let generation = Atomic<Int>(0)
  private let remaining = Atomic<Int>(0)
  private let sleepers = Atomic<Int>(0)
  private var job: UnsafePointer<Job>?
  private var workers = 0
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let wake: UnsafeMutablePointer<pthread_cond_t>

  /// How long a worker spins before it sleeps: a little longer than what block methods do on one thread between two kernels, as waking
  /// a sleeper takes 50 µs and more.
  private static let patience = Duration.microseconds(200)
  /// Looks at the clock are this many spins apart.
  private static let spinsPerLook = 64

  private init() {
    unsafe mutex = .allocate(capacity: 1)
    unsafe wake = .allocate(capacity: 1)
    unsafe mutex.initialize(to: pthread_mutex_t())
    unsafe wake.initialize(to: pthread_cond_t())
    unsafe pthread_mutex_init(mutex, nil)
    unsafe pthread_cond_init(wake, nil)
  }

  /// Runs `body(0)` … `body(count − 1)`, part 0 on the calling thread, and returns when all are done.
  func run(_ count: Int, _ body: (Int) -> Void) {
    guard count > 1, busy.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged else {
      for part in 0..<count { body(part) }
      return
    }
    grow(to: count - 1)
    launch(count, helpers: min(count - 1, workers, 1023), body)
    busy.store(false, ordering: .releasing)
  }

  /// Runs `body(0)` … `body(count − 1)` at once, each on a thread of its own, so that they may wait for each other. `prepare` runs before,
  /// when no other job does. False, and nothing is run, where there are not so many threads.
  func runTogether(_ count: Int, after prepare: () -> Void, _ body: (Int) -> Void) -> Bool {
    guard count > 1, count <= 1024, busy.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged
    else { return false }
    defer { busy.store(false, ordering: .releasing) }
    grow(to: count - 1)
    guard workers >= count - 1 else { return false }
    prepare()
    launch(count, helpers: count - 1, body)
    return true
  }

  /// The parts of one job, by the caller and so many workers.
  private func launch(_ count: Int, helpers: Int, _ body: (Int) -> Void) {
    withoutActuallyEscaping(body) { escapable in
      let parallel: Job = { part in
        // Parts beyond the number of threads are shared out round robin.
        var next = part
        while next < count {
          escapable(next)
          next += helpers + 1
        }
      }
      unsafe withUnsafePointer(to: parallel) { pointer in
        unsafe job = pointer
        remaining.store(helpers, ordering: .relaxed)
        let last = generation.load(ordering: .relaxed)
        generation.store((last / 1024 + 1) * 1024 + helpers, ordering: .sequentiallyConsistent)
        if sleepers.load(ordering: .sequentiallyConsistent) > 0 {
          unsafe pthread_mutex_lock(mutex)
          unsafe pthread_cond_broadcast(wake)
          unsafe pthread_mutex_unlock(mutex)
        }
        unsafe pointer.pointee(0)
        spin(while: { self.remaining.load(ordering: .acquiring) > 0 }, then: { sched_yield() })
        unsafe job = nil
      }
    }
  }

  private func grow(to wanted: Int) {
    while workers < wanted {
      let id = workers + 1
      let seen = generation.load(ordering: .relaxed)
      // Schedulers leave a new thread that spins beside its maker for tens of milliseconds, and both get half of one processor.
      let processor = currentProcessor()
      let body = { [unowned self] in
        moveThread(from: processor, by: id)
        self.work(id: id, seen: seen)
      }
      guard start(body) else { return }
      workers += 1
    }
  }

  private func work(id: Int, seen: Int) {
    var seen = seen
    while true {
      spin(while: { self.generation.load(ordering: .acquiring) == seen }, then: { self.sleep(until: seen) })
      seen = generation.load(ordering: .acquiring)
      // A new job starts only when all parts of the last one are done, so `job` is steady for those that take part.
      if id <= seen % 1024, let job = unsafe job {
        unsafe job.pointee(id)
        remaining.subtract(1, ordering: .releasing)
      }
    }
  }

  /// Spins while a condition holds, and after a while calls `rest` each time.
  @inline(__always)
  private func spin(while condition: () -> Bool, then rest: () -> Void) {
    var (spins, deadline) = (0, ContinuousClock.Instant?.none)
    while condition() {
      spinPause()
      spins += 1
      guard spins % Self.spinsPerLook == 0 else { continue }
      let now = ContinuousClock.now
      if let deadline {
        if now >= deadline { rest() }
      } else {
        deadline = now.advanced(by: Self.patience)
      }
    }
  }

  private func sleep(until seen: Int) {
    unsafe pthread_mutex_lock(mutex)
    sleepers.add(1, ordering: .sequentiallyConsistent)
    while generation.load(ordering: .sequentiallyConsistent) == seen {
      unsafe pthread_cond_wait(wake, mutex)
    }
    sleepers.subtract(1, ordering: .sequentiallyConsistent)
    unsafe pthread_mutex_unlock(mutex)
  }

  private final class Start {
    let body: () -> Void
    init(_ body: @escaping () -> Void) { self.body = body }
  }

  private func start(_ body: @escaping () -> Void) -> Bool {
    let box = unsafe Unmanaged.passRetained(Start(body))
    #if canImport(Darwin)
      var thread: pthread_t?
      let code = unsafe pthread_create(
        &thread, nil,
        {
          unsafe Unmanaged<Start>.fromOpaque($0).takeRetainedValue().body(); return nil
        }, box.toOpaque())
      if code == 0, let thread { pthread_detach(thread) }
    #else
      var thread = pthread_t()
      let code = unsafe pthread_create(
        &thread, nil,
        { argument in
          if let argument = unsafe argument { unsafe Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().body() }
          return nil
        }, box.toOpaque())
      if code == 0 { pthread_detach(thread) }
    #endif
    if code != 0 { unsafe box.release() }
    return code == 0
  }
}

/// How far each of some threads that run together has come, for others to wait for.
@safe final class Progress: @unchecked Sendable {
  // Unchecked: the counters are atomic; each lies in cache lines of its own.
  private let counters: UnsafeMutablePointer<Atomic<Int32>>
  private let threads: Int
  private static let spacing = 32
  /// Looks before the processor is offered to others: a thread that is waited for may have none.
  private static let patience = 2000

  init(threads: Int) {
    self.threads = threads
    unsafe counters = .allocate(capacity: threads * Self.spacing)
    for k in 0..<(threads * Self.spacing) { unsafe (counters + k).initialize(to: Atomic(0)) }
  }

  deinit { unsafe counters.deallocate() }

  /// Back to 0, while no thread runs.
  func reset() {
    for t in 0..<threads { unsafe counters[t * Self.spacing].store(0, ordering: .relaxed) }
  }

  /// Says that a thread has come so far, with all that it has written.
  func advance(_ thread: Int, to count: Int32) { unsafe counters[thread * Self.spacing].store(count, ordering: .releasing) }

  /// Returns, when a thread has come so far, how far it really has.
  func wait(for thread: Int, toReach count: Int32) -> Int32 {
    var looks = 0
    while true {
      let now = unsafe counters[thread * Self.spacing].load(ordering: .acquiring)
      if now >= count { return now }
      looks += 1
      if looks % Self.patience == 0 { sched_yield() } else { spinPause() }
    }
  }
}
