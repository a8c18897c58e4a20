import Core
import Testing
@testable import CapDist

@Suite struct ProcessInitialisationTests {
    @Test func theWarmUpComesToItsEnd() {
        #expect(RuntimeWarmUp.run(warmUpExports))
    }
}
