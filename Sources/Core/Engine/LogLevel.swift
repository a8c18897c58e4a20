/// Levels of the application's log (capdist.h, CAPDIST_LOG_*).
package enum LogLevel: Int32, Sendable {
    case error = 1
    case warning = 2
    case info = 3
    case debug = 4
}
