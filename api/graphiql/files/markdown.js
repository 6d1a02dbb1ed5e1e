import{a}from"./part-ALJOCPI2.js";import"./part-X2IEPP44.js";export{a as default};
