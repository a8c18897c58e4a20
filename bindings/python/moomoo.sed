# The one name of moomoo's package, for that of futu's.
s/capdist\.futu/capdist.moomoo/
