// Shows what has become of the orders, without a click.
"use strict";
setInterval(async () => {
  const fresh = new DOMParser().parseFromString(await (await fetch("/")).text(), "text/html").getElementById("orders");
  const shown = document.getElementById("orders");
  if (fresh.innerHTML !== shown.innerHTML) shown.replaceWith(document.adoptNode(fresh));
}, 2000);
