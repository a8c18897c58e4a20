export * from "capdist/moomoo-api";
export { default } from "capdist/moomoo-api";
