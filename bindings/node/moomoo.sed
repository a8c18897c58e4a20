# The names of moomoo's package, for those of futu's.
s/futu/moomoo/g
s/ftWebsocket/mmWebsocket/g
s/ftCmdID/mmCmdID/g
