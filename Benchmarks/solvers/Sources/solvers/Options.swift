import BlockKrylov

/// What to measure: the command line.
struct Options {
  struct Failure: Error {
    var text: String
  }

  enum Work: String, CaseIterable {
    case solve, product, dense
  }

  var works: [Work] = [.solve]
  /// `nil`: the work of the goals.
  var problems: [String]?
  var methods = ["auto"]
  var preconditioners = ["none"]
  var columns = [8]
  var threads = [1]
  var restarts = [50]
  var deflation: Int?
  var tolerance = 1e-8
  var repeats = 5
  var budget = 20.0
  var wantsHelp = false

  static let help = """
    usage: solvers [--work solve|product|dense] [--problem NAME,…] [--method NAME,…] [--preconditioner NAME,…] [--columns M,…]
                   [--threads P,…] [--restart K,…] [--deflation D] [--tolerance T] [--repeat R] [--budget SECONDS]

      --work            solve A·X = B; product Y = A·X; dense: A uniform random, B = I (default solve)
      --problem         gallery problems or Matrix Market files; for dense, the sizes. Without it: the problems, methods,
                        preconditioners and columns of the goals, on one thread and two
      --method          \(Method.names.joined(separator: ", ")) (default auto)
      --preconditioner  as krylov solve takes them (default none)
      --columns         right-hand sides (default 8)
      --restart         block steps of GMRES before it restarts (default 50)
      --tolerance       ‖b − A·x‖ ≤ T·‖b‖ (default 1e-8)
      --repeat          solves that are timed after the first one (default 5)
      --budget          seconds after which there are no more repetitions (default 20)

    Every combination gives a record: a JSON object a line, of record.schema.json. What does not fit together (block CG on a
    nonsymmetric matrix) gives a line on stderr. OPENBLAS_CORETYPE and OPENBLAS_L2_SIZE are dropped.
    """

  init(_ arguments: some Sequence<String>) throws(Failure) {
    var rest = Array(arguments)[...]
    while let name = rest.popFirst() {
      if name == "--help" || name == "-h" {
        wantsHelp = true
        continue
      }
      guard let value = rest.popFirst() else { throw Failure(text: "\(name) needs a value") }
      let list = value.split(separator: ",").map(String.init)
      func numbers() throws(Failure) -> [Int] {
        let numbers = list.compactMap { Int($0) }.filter { $0 > 0 }
        guard numbers.count == list.count, !list.isEmpty else {
          throw Failure(text: "\(name) \(value): positive integers are needed")
        }
        return numbers
      }
      func number() throws(Failure) -> Double {
        guard let number = Double(value), number > 0 else { throw Failure(text: "\(name) \(value): a positive number is needed") }
        return number
      }
      switch name {
      case "--work":
        works = list.compactMap(Work.init)
        guard works.count == list.count else { throw Failure(text: "--work \(value): solve, product or dense") }
      case "--problem": problems = list
      case "--method":
        methods = list
        if let bad = list.first(where: { Method.named($0) == nil }) { throw Failure(text: "there is no method '\(bad)'") }
      case "--preconditioner": preconditioners = list
      case "--columns": columns = try numbers()
      case "--threads": threads = try numbers()
      case "--restart": restarts = try numbers()
      case "--deflation":
        guard let count = Int(value), count >= 0 else { throw Failure(text: "--deflation \(value): a number from 0 is needed") }
        deflation = count
      case "--tolerance": tolerance = try number()
      case "--repeat": repeats = try numbers()[0]
      case "--budget": budget = try number()
      default: throw Failure(text: "there is no option \(name)")
      }
    }
  }

  /// One problem with all that is asked of it.
  func cases() throws(Failure) -> [Case] {
    guard let problems else { return Case.goals(repeats: repeats, budget: budget) }
    return works.flatMap { work in
      problems.map { problem in
        Case(
          work: work, problem: problem, methods: work == .solve ? methods : ["\(work)"],
          preconditioners: work == .solve ? preconditioners : ["none"], columns: columns, threads: threads, restarts: restarts)
      }
    }
  }
}

extension Case {
  /// The work that the goals are about.
  static func goals(repeats: Int, budget: Double) -> [Case] {
    let definite = ["poisson2d:300", "poisson3d:60", "varcoef2d:300"].map {
      Case(
        work: .solve, problem: $0, methods: ["cg", "auto"], preconditioners: ["none", "jacobi", "ic0"], columns: [1, 8, 16, 32],
        threads: [1, 2], restarts: [50])
    }
    let general = ["convdiff3d:40", "convdiff3d:60"].map {
      Case(
        work: .solve, problem: $0, methods: ["gmres", "auto"], preconditioners: ["none", "ilu0"], columns: [1, 8, 16],
        threads: [1, 2],
        restarts: [30, 50])
    }
    let product = Case(
      work: .product, problem: "poisson3d:100", methods: ["product"], preconditioners: ["none"], columns: [1, 2, 4, 8, 16, 32],
      threads: [1, 2], restarts: [50])
    let dense = ["20", "100", "500"].map {
      Case(work: .dense, problem: $0, methods: ["dense"], preconditioners: ["none"], columns: [1], threads: [1], restarts: [50])
    }
    return [product] + definite + general + dense
  }
}
