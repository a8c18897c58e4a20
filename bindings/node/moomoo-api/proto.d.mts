export * from "capdist/proto";
