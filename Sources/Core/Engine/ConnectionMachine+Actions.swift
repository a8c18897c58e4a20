/// The actions that the driver must perform.
extension ConnectionMachine {
    package var hasActions: Bool { firstAction < actions.count }

    package mutating func popAction() -> Action? {
        guard firstAction < actions.count else { return nil }
        let action = actions[firstAction]
        if case .complete = action { waitingCompletions -= 1 }
        // Overwritten, so that the array does not keep the payload alive.
        actions[firstAction] = .closeStream
        firstAction += 1
        if firstAction == actions.count {
            actions.removeAll(keepingCapacity: actions.capacity <= 1024)
            firstAction = 0
        }
        return action
    }

    mutating func complete(
        _ request: Request<Payload>, _ status: Status, _ text: String, retryAfter: TimeAmount = .zero,
        isFinal: Bool = false
    ) {
        let retry = isFinal ? .never : Retry(status)
        append(Completion(request: request, status: status, text: text, retry: retry, retryAfter: retryAfter))
        noteFailure(request, status, text)
    }

    mutating func append(_ completion: Completion) {
        actions.append(.complete(completion))
        waitingCompletions += 1
    }
}
