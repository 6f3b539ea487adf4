for (const host of document.querySelectorAll(".host")) host.textContent = location.origin;
document.getElementById("try").addEventListener("submit", async (event) => {
  event.preventDefault();
  const shown = document.getElementById("response"), took = document.getElementById("took");
  const key = document.getElementById("key");
  const headers = {"Content-Type": "application/json", ...(key && key.value ? {"X-API-Key": key.value} : {})};
  const started = performance.now();
  try {
    const response = await fetch(event.target.dataset.path, {method: "POST", headers, body: document.getElementById("body").value});
    took.textContent = `${response.status} in ${Math.round(performance.now() - started)} ms`;
    shown.textContent = JSON.stringify(await response.json(), null, 2);
    shown.className = response.ok ? "" : "bad";
  } catch (error) {
    took.textContent = "";
    shown.textContent = `There is no response (${error.message}). Is the server running?`;
    shown.className = "bad";
  }
  shown.hidden = false;
});
