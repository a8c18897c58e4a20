export * from "capdist/futu-api";
export { default } from "capdist/futu-api";
