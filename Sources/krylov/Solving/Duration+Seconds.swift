extension Duration {
  /// The duration in seconds.
  var inSeconds: Double {
    let (whole, atto) = components
    return Double(whole) + Double(atto) * 1e-18
  }
}
