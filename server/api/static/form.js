// The form works without this. It takes the reader to what came back, and a file that is dropped.
"use strict";

const shown = document.getElementById("problem") || document.getElementById("result");
if (shown) shown.focus();

// A browser sends nothing for text that is no number, and nothing means "not known": such a form is not sent.
document.getElementById("one").addEventListener("submit", (event) => {
  const wrong = [...event.target.elements].find((field) => field.validity && field.validity.badInput);
  if (!wrong) return;
  event.preventDefault();
  wrong.reportValidity();
});

const drop = document.getElementById("drop"), file = document.getElementById("rows");
const dropped = document.getElementById("dropped");
for (const kind of ["dragenter", "dragover"]) drop.addEventListener(kind, (event) => {
  event.preventDefault();
  drop.classList.add("over");
});
for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  if (event.dataTransfer.files.length !== 1) {
    dropped.textContent = "Drop one file.";
    return;
  }
  file.files = event.dataTransfer.files;
  dropped.textContent = `Ready to score: ${file.files[0].name}`;
});
