using System.Runtime.CompilerServices;

// Its tests look at what C is handed.
[assembly: InternalsVisibleTo("Capdist.Tests")]
