// What a program of the vendor's cannot say, for the samples' test: which certificates are trusted.
"use strict";

require(`${process.env.BRAND}-api`).prototype.tlsCaFile = process.env.CA;
