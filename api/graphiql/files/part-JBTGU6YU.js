import{a}from"./part-CA4ZRCCI.js";import"./part-V2CJN5NF.js";import"./part-X2IEPP44.js";export default a();
