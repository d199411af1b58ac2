/// A queue that gives its least element first.
struct BinaryHeap<Element: Comparable> {
  private var heap: [Element] = []

  mutating func removeAll() { heap.removeAll(keepingCapacity: true) }

  /// - Complexity: O(log count).
  mutating func insert(_ element: Element) {
    var place = heap.count
    heap.append(element)
    while place > 0, element < heap[(place - 1) / 2] {
      heap[place] = heap[(place - 1) / 2]
      place = (place - 1) / 2
    }
    heap[place] = element
  }

  /// - Complexity: O(log count).
  mutating func removeFirst() -> Element? {
    guard let first = heap.first, let last = heap.popLast() else { return nil }
    if heap.isEmpty { return first }
    var place = 0
    while 2 * place + 1 < heap.count {
      var child = 2 * place + 1
      if child + 1 < heap.count, heap[child + 1] < heap[child] { child += 1 }
      if !(heap[child] < last) { break }
      heap[place] = heap[child]
      place = child
    }
    heap[place] = last
    return first
  }
}
