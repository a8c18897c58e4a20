using System.Runtime.CompilerServices;

// The tests check the structs that are passed to C.
[assembly: InternalsVisibleTo("Capdist.Tests")]
