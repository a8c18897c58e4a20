# libcapdist from R, through .C and a few lines of C (fetch_R.c). `Rscript fetch.R EXTENSION PORT`.
words <- commandArgs(trailingOnly = TRUE)
dyn.load(words[1])
fetch <- function(name) {
  said <- paste(rep(" ", 500), collapse = "")
  said <- .C("capdist_r_fetch", name, said = said)$said
  Encoding(said) <- "UTF-8"
  said
}
invisible(.C("capdist_r_connect", as.integer(words[2])))
for (name in c("HK.00700", "HK.99999", "nonsense")) cat(name, fetch(name), "\n", sep = c(" ", "", ""))
invisible(.C("capdist_r_release"))
