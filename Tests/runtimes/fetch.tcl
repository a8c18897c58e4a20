# libcapdist from Tcl, through an extension in C (fetch_tcl.c), on Tcl's own event loop. `fetch.tcl EXTENSION PORT`.
load [lindex $argv 0] Capdist
fconfigure stdout -encoding utf-8 -buffering line
set left 0
proc answered {name said} {
    puts "$name $said"
    if {[incr ::left -1] == 0} { set ::done 1 }
}
capdist_connect [lindex $argv 1]
foreach name {HK.00700 HK.99999 nonsense} {
    if {[catch {capdist_ask $name answered} why]} { puts "$name $why" } else { incr left }
}
vwait done
capdist_close
