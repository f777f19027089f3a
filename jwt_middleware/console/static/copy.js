// Copy buttons, and forms that are sent once. The pages work without.
"use strict";

for (const button of document.querySelectorAll("button[data-copy]")) {
  const source = document.getElementById(button.dataset.copy);
  const said = document.getElementById("copied");
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(source.textContent);
      said.textContent = button.dataset.said;
    } catch {
      getSelection().selectAllChildren(source);
      said.textContent = "It is marked: copy it with the keyboard.";
    }
  });
}

for (const form of document.querySelectorAll("form[data-once]")) {
  let sent = false;
  form.addEventListener("submit", (event) => {
    if (sent) event.preventDefault();
    sent = true;
  });
  // Whoever comes back to the page may send it again.
  addEventListener("pageshow", () => { sent = false; });
}
