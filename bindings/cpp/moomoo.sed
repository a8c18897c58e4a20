# The names of moomoo's classes, for those of futu's.
s/FT\(API\|SPI\)/MM\1/g
s/Futu::/moomoo::/g
