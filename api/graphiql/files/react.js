import{b as a}from"./part-XCQN4K5N.js";import"./part-DZ43OL5D.js";import"./part-X2IEPP44.js";export default a();
