/// The requests of one connection, in queues. An entry keeps its place in one array while it moves between lists. So
/// accepting, sending, answering, cancelling and timing out allocate and move nothing, and take the same time for any
/// number of requests.
///
/// Only `makeRoom` allocates, which may fail.
struct RequestTable<Payload>: ~Copyable {
    typealias Index = Int32
    static var none: Index { -1 }

    enum Place {
        case free
        /// Waits for a connection, or a slot of the quota.
        case waitingForSlot
        /// Waits for a connection, and has its slot.
        case waitingWithSlot
        /// Waits for a connection only, and needs no slot.
        case waiting
        /// Waits for the answer to another request.
        case joined
        case inFlight
    }

    private struct Entry {
        var request: Request<Payload>?
        var place = Place.free
        var previous = RequestTable.none
        var next = RequestTable.none
    }

    private struct List {
        var first = RequestTable.none
        var last = RequestTable.none
        var count = 0
    }

    private var entries = GrowableBuffer<Entry>()
    /// The first of the free entries, each of which has the next.
    private var firstFree = Self.none
    private var waiting = List()
    private var waitingForSlot = List()
    private var waitingWithSlot = List()
    private var joined = List()
    private var bySerialNo = SerialMap()
    private var byWireSerialNo = SerialMap()
    private var deadlines = TimerWheel()

    /// The number of requests in all lists.
    private(set) var count = 0
    /// Those that a shared answer may end.
    private(set) var sharingCount = 0

    var waitingForSlotCount: Int { waitingForSlot.count }
    var firstWaiting: Index { waiting.first }
    var firstWaitingForSlot: Index { waitingForSlot.first }
    var firstWaitingWithSlot: Index { waitingWithSlot.first }

    /// The request at an index that a function of this table returned, if it is still in the table.
    subscript(index: Index) -> Request<Payload>? {
        let entries = entries.elements
        return entries.indices.contains(Int(index)) ? entries[Int(index)].request : nil
    }

    // A request is large. These functions read it without a copy.

    /// The order of the request at `index`; the highest number if there is none.
    func order(_ index: Index) -> UInt64 {
        let entries = entries.elements
        return entries.indices.contains(Int(index)) ? entries[Int(index)].request?.order ?? .max : .max
    }

    /// Whether there is a request at `index`, and it has a slot of the quota.
    func holdsSlot(_ index: Index) -> Bool {
        let entries = entries.elements
        return entries.indices.contains(Int(index)) && entries[Int(index)].request?.holdsSlot == true
    }

    /// Whether there is a request at `index`, and its queue timeout has passed.
    func isOverdue(_ index: Index, _ now: Instant) -> Bool {
        let entries = entries.elements
        return entries.indices.contains(Int(index)) && entries[Int(index)].request.map { $0.deadline <= now } ?? false
    }

    /// Of the requests that may be sent next, the first whose queue timeout has passed; `none` if there is none.
    func firstOverdue(_ now: Instant) -> Index {
        overdue(firstWaitingWithSlot, overdue(firstWaitingForSlot, overdue(firstWaiting, Self.none, now), now), now)
    }

    /// The request at `index`, if its queue timeout has passed and it was made before the one at `other`; else `other`.
    private func overdue(_ index: Index, _ other: Index, _ now: Instant) -> Index {
        index >= 0 && isOverdue(index, now) && order(index) < order(other) ? index : other
    }

    func replyTimeout(_ index: Index) -> TimeAmount? {
        let entries = entries.elements
        return entries.indices.contains(Int(index)) ? entries[Int(index)].request?.terms.replyTimeout : nil
    }

    /// Makes room for one more request.
    /// - Returns: false if there is no memory. Then nothing has changed.
    @inline(__always)
    mutating func makeRoom() -> Bool { firstFree >= 0 || grow() }

    /// - Parameter request: `makeRoom` has made room for it.
    mutating func enqueue(_ request: Request<Payload>, _ now: Instant) {
        let index = firstFree
        let entries = entries.elements
        firstFree = entries[Int(index)].next
        entries[Int(index)].request = request
        bySerialNo.insert(request.serialNo, index)
        deadlines.insert(index, request.deadline, now)
        link(index, request.isJoined ? .joined : Self.queue(of: request))
        count += 1
        if request.takesSharedAnswer { sharingCount += 1 }
    }

    private static func queue(of request: Request<Payload>) -> Place {
        !request.needsSlot ? .waiting : request.holdsSlot ? .waitingWithSlot : .waitingForSlot
    }

    // MARK: - Requests that a shared answer may end

    /// All of them, in the order asked, which is that of each list.
    var sharing: [Index] {
        var found: [Index] = []
        let entries = entries.elements
        var heads = [joined.first, waiting.first, waitingForSlot.first, waitingWithSlot.first]
        while true {
            var first = 0
            for list in 1..<heads.count where order(heads[list]) < order(heads[first]) { first = list }
            let index = heads[first]
            guard index >= 0 else { return found }
            if sharedQuestion(index) != 0 { found.append(index) }
            heads[first] = entries[Int(index)].next
        }
    }

    /// What the request at `index` asks, if a shared answer may end it; else 0.
    func sharedQuestion(_ index: Index) -> SharedAnswers.Number {
        let entries = entries.elements
        guard entries.indices.contains(Int(index)), entries[Int(index)].request?.takesSharedAnswer == true else {
            return 0
        }
        return entries[Int(index)].request?.question ?? 0
    }

    /// It asks this from now on.
    mutating func setQuestion(_ index: Index, _ question: SharedAnswers.Number) {
        guard sharedQuestion(index) != 0 else { return }
        entries.elements[Int(index)].request?.question = question
    }

    /// It waits for another one's answer from now on, and has no slot.
    mutating func join(_ index: Index) { move(index, isJoined: true, holdsSlot: false) }

    /// It is to be sent itself, in the order asked.
    mutating func leaveJoined(_ index: Index, holdsSlot: Bool) { move(index, isJoined: false, holdsSlot: holdsSlot) }

    private mutating func move(_ index: Index, isJoined: Bool, holdsSlot: Bool) {
        let entries = entries.elements
        guard entries.indices.contains(Int(index)), var request = entries[Int(index)].request else { return }
        request.isJoined = isJoined
        request.holdsSlot = holdsSlot
        entries[Int(index)].request = request
        unlink(index)
        link(index, isJoined ? .joined : Self.queue(of: request))
    }

    /// Moves a waiting request to those in flight.
    mutating func send(
        _ index: Index, wireSerialNo: UInt32, deadline: Instant, holdsSlot: Bool, firstNumber: UInt32,
        question: SharedAnswers.Number, _ now: Instant
    ) {
        unlink(index)
        if question != 0, sharedQuestion(index) != 0 { sharingCount -= 1 }
        entries.elements[Int(index)].request?.send(wireSerialNo, deadline, holdsSlot, firstNumber, question)
        link(index, .inFlight)
        byWireSerialNo.insert(wireSerialNo, index)
        deadlines.remove(index)
        deadlines.insert(index, deadline, now)
    }

    /// Whether a request waits for the answer with this `protoID` and `wireSerialNo`.
    func isAwaited(protoID: UInt32, wireSerialNo: UInt32) -> Bool {
        byWireSerialNo[wireSerialNo].map { entries.elements[Int($0)].request?.protoID == protoID } ?? false
    }

    /// Takes out the request that waits for the answer with this `protoID` and `wireSerialNo`.
    mutating func takeAnswered(protoID: UInt32, wireSerialNo: UInt32) -> Request<Payload>? {
        guard let index = byWireSerialNo[wireSerialNo], entries.elements[Int(index)].request?.protoID == protoID
        else { return nil }
        defer { shrink() }
        return remove(index)
    }

    mutating func take(serialNo: UInt32) -> Request<Payload>? {
        guard let index = bySerialNo[serialNo] else { return nil }
        defer { shrink() }
        return remove(index)
    }

    func contains(serialNo: UInt32) -> Bool { bySerialNo[serialNo] != nil }

    /// Takes out all requests whose deadline has passed, in the order in which they were made.
    mutating func takeDue(_ now: Instant) -> [Request<Payload>] {
        var due = deadlines.takeDue(now).compactMap { remove($0) }
        shrink()
        Self.sort(&due)
        return due
    }

    /// No deadline passes before this instant; `.max` if there is none.
    var nextDeadline: Instant { deadlines.next }

    /// Takes out all requests for which `isIncluded` is true, in the order in which they were made.
    mutating func takeAll(where isIncluded: (Request<Payload>) -> Bool) -> [Request<Payload>] {
        let entries = entries.elements
        var taken: [Request<Payload>] = []
        for index in entries.indices {
            guard let request = entries[index].request, isIncluded(request) else { continue }
            taken.append(request)
            _ = remove(Index(index))
        }
        shrink()
        Self.sort(&taken)
        return taken
    }

    /// Sorts them by their order. One function, since each use of `sort` has 4 KB of code.
    private static func sort(_ requests: inout [Request<Payload>]) { requests.sort { $0.order < $1.order } }

    private mutating func remove(_ index: Index) -> Request<Payload>? {
        guard let request = self[index] else { return nil }
        unlink(index)
        deadlines.remove(index)
        bySerialNo.remove(request.serialNo)
        if request.wasSent { byWireSerialNo.remove(request.wireSerialNo) }
        if request.takesSharedAnswer { sharingCount -= 1 }
        entries.elements[Int(index)] = Entry(next: firstFree)
        firstFree = index
        count -= 1
        return request
    }

    /// Frees memory after a burst.
    private mutating func shrink() {
        if count == 0, entries.count > 1024 { self = RequestTable() }
    }

    private mutating func grow() -> Bool {
        let old = entries.count
        let new = max(16, 2 * old)
        guard bySerialNo.reserve(new), byWireSerialNo.reserve(new), deadlines.reserve(new),
            entries.grow(to: new, filledWith: Entry())
        else { return false }
        // The first is the next that is taken.
        for index in (old..<new).reversed() {
            entries.elements[index].next = firstFree
            firstFree = Index(truncatingIfNeeded: index)
        }
        return true
    }

    private mutating func link(_ index: Index, _ place: Place) {
        let entries = entries.elements
        entries[Int(index)].place = place
        switch place {
        case .waiting: Self.append(index, &waiting, entries)
        case .waitingForSlot: Self.append(index, &waitingForSlot, entries)
        case .waitingWithSlot: Self.append(index, &waitingWithSlot, entries)
        case .joined: Self.append(index, &joined, entries)
        case .inFlight, .free: break
        }
    }

    private mutating func unlink(_ index: Index) {
        let entries = entries.elements
        switch entries[Int(index)].place {
        case .waiting: Self.cut(index, &waiting, entries)
        case .waitingForSlot: Self.cut(index, &waitingForSlot, entries)
        case .waitingWithSlot: Self.cut(index, &waitingWithSlot, entries)
        case .joined: Self.cut(index, &joined, entries)
        case .inFlight, .free: break
        }
        entries[Int(index)].place = .free
    }

    private static func append(_ index: Index, _ list: inout List, _ entries: GrowableBuffer<Entry>.Elements) {
        // Nearly always the last: only what waited for another's answer comes back to where it was asked.
        if list.last != none, let order = entries[Int(index)].request?.order,
            let last = entries[Int(list.last)].request?.order, last > order
        {
            return insert(index, order, &list, entries)
        }
        entries[Int(index)].previous = list.last
        entries[Int(index)].next = none
        if list.last == none {
            list.first = index
        } else {
            entries[Int(list.last)].next = index
        }
        list.last = index
        list.count += 1
    }

    /// Before the first that was asked later, which there is.
    private static func insert(
        _ index: Index, _ order: UInt64, _ list: inout List, _ entries: GrowableBuffer<Entry>.Elements
    ) {
        var next = list.first
        while next >= 0, let other = entries[Int(next)].request?.order, other < order { next = entries[Int(next)].next }
        guard next >= 0 else { return }
        let previous = entries[Int(next)].previous
        entries[Int(index)].previous = previous
        entries[Int(index)].next = next
        entries[Int(next)].previous = index
        if previous == none { list.first = index } else { entries[Int(previous)].next = index }
        list.count += 1
    }

    private static func cut(_ index: Index, _ list: inout List, _ entries: GrowableBuffer<Entry>.Elements) {
        let (previous, next) = (entries[Int(index)].previous, entries[Int(index)].next)
        if previous == none {
            list.first = next
        } else {
            entries[Int(previous)].next = next
        }
        if next == none {
            list.last = previous
        } else {
            entries[Int(next)].previous = previous
        }
        list.count -= 1
    }
}
