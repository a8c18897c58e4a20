// For the test of the samples: sets which certificates are trusted, which the vendor's programs cannot.
"use strict";

require(`${process.env.BRAND}-api`).prototype.tlsCaFile = process.env.CA;
