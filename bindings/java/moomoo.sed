# The names of moomoo's classes, for those of futu's.
s/com\.futu/com.moomoo/g
s/\bFT\(API\|SPI\|Test\|Player\)/MM\1/g
