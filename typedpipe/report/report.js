"use strict";
// Opens what a link leads to, filters the tasks, and gives frames the height that they ask for. Without it all can be read.
function reveal() {
  const target = location.hash.length > 1 ? document.getElementById(location.hash.slice(1)) : null;
  if (!target) return;
  for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  target.scrollIntoView({block: target.tagName === "SECTION" ? "start" : "nearest"});
}
addEventListener("hashchange", reveal);
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='#']");
  if (link && link.getAttribute("href") === location.hash) reveal();
});

const all = [...document.querySelectorAll("#tasks details")];
const filter = document.getElementById("filter");
const button = document.getElementById("open-all");
if (all.length > 8) document.getElementById("tools").hidden = false;
filter?.addEventListener("input", () => {
  const wanted = filter.value.toLowerCase();
  const kept = new Set();
  for (const each of all) {
    if (!each.firstChild.textContent.toLowerCase().includes(wanted)) continue;
    for (let at = each; at && at.tagName !== "SECTION"; at = at.parentElement) kept.add(at);
    if (each.className === "group") for (const inner of each.querySelectorAll("details")) kept.add(inner);
  }
  for (const each of all) each.hidden = !kept.has(each);
});
button?.addEventListener("click", () => {
  const open = !all.every((each) => each.open);
  for (const each of all) each.open = open;
  button.textContent = open ? "Close all" : "Open all";
});

addEventListener("message", (event) => {
  const height = event.data && event.data.typedpipeHeight;
  if (typeof height !== "number" || !(height > 0)) return;
  for (const frame of document.querySelectorAll("iframe"))
    if (frame.contentWindow === event.source) frame.height = Math.min(Math.ceil(height) + 24, 1600);
});
reveal();
