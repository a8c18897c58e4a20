# The names of moomoo's classes, for those of futu's.
s/\bFT\(API\|SPI\)/MM\1/g
s/Futu\.OpenApi/Moomoo.OpenApi/g
