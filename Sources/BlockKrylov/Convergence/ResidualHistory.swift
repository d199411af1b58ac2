/// The recorded estimates of one column of a block. All columns share one record, so that a report costs the same for many columns as
/// for one.
struct ResidualHistory: Sendable {
  /// A row of `width` numbers for the start and each iteration; NaN for a column that does not take part yet.
  let record: [Double]
  let width: Int
  let column: Int

  /// The estimates, without those from before the column took part.
  var values: [Double] { stride(from: column, to: record.count, by: width).map { record[$0] }.filter { !$0.isNaN } }
}

extension ResidualHistory: Equatable {
  /// Whether the estimates agree, however they are stored.
  static func == (a: ResidualHistory, b: ResidualHistory) -> Bool { a.values == b.values }
}
