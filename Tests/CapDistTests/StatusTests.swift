import CCapDist
import Core
import Testing
@testable import CapDist

@Suite struct StatusTests {
    @Test func everyStatusHasANameOfItsOwnAndASentence() {
        var names: Set<String> = []
        for status in Status.allCases {
            let name = String(cString: statusName(status.rawValue) ?? cString(""))
            let text = String(cString: statusText(status.rawValue) ?? cString(""))
            #expect(name.hasPrefix("CAPDIST_"))
            #expect(names.insert(name).inserted)
            #expect(text.hasSuffix(".") && text.count > 4)
        }
        #expect(names.count == Status.allCases.count)
    }

    @Test func aNumberThatIsNoStatusSaysSo() {
        for number: Int32 in [-1, 9, 15, 22, 31, 44, .max, .min] {
            #expect(String(cString: statusName(number) ?? cString("")) == "CAPDIST_UNKNOWN")
        }
    }

    @Test func theVersionIsTheHeaders() {
        let header = "\(CAPDIST_VERSION_MAJOR).\(CAPDIST_VERSION_MINOR).\(CAPDIST_VERSION_PATCH)"
        #expect(String(cString: version() ?? cString("")) == header)
    }
}
