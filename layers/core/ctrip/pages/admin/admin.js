// Draws the charts from their tables, and keeps the living part of a page fresh. Every page works without it.
(() => {
  "use strict";
  document.documentElement.classList.add("script");

  // -- polling: a page that nobody looks at asks for nothing, and what did not change is not sent again
  document.addEventListener("htmx:configRequest", (event) => {
    const tag = event.detail.elt.dataset.etag;
    if (tag) event.detail.headers["If-None-Match"] = tag;
  });
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (document.hidden) event.preventDefault();
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    const part = event.detail.elt;
    // Whoever is in the middle of it with the keyboard is not thrown out.
    if (part.contains(document.activeElement) && document.activeElement !== part) event.detail.shouldSwap = false;
    else if (event.detail.xhr.status === 200) part.dataset.etag = event.detail.xhr.getResponseHeader("ETag") || "";
  });

  // -- charts
  const rows = [...document.querySelectorAll("#by-day tbody tr")].reverse();
  const table = document.querySelector("details.table");
  if (table && window.uPlot && rows.length) table.open = false;
  const days = rows.map((row) => Date.parse(`${row.dataset.day}T00:00:00Z`) / 1000);
  const charts = [];
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function draw(figure) {
    const place = figure.querySelector(".plot");
    const bars = figure.dataset.chart === "bars";
    // A day without a figure has no mark; a bar of nothing would be one.
    const values = rows.map((row) => Number(row.dataset[figure.dataset.column] || NaN)).map((each) => (Number.isNaN(each) || (bars && !each) ? null : each));
    const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
    const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
    const options = {
      width: place.clientWidth,
      height: 180,
      tzDate: (at) => window.uPlot.tzDate(new Date(at * 1e3), "UTC"),
      legend: { show: false },
      cursor: { show: false },
      scales: { y: { range: (_, low, high) => [0, bars ? Math.max(high * 1.1, 1e-6) : 100] } },
      axes: [
        { ...axis, grid: { show: false }, values: (_, ticks) => ticks.map((at) => new Date(at * 1e3).toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" })), space: 60 },
        { ...axis, size: 52, values: (_, ticks) => ticks.map((each) => compact.format(each)) },
      ],
      series: [
        {},
        bars
          ? { stroke: colour("--brand"), fill: colour("--brand"), paths: window.uPlot.paths.bars({ size: [0.7, 28] }), points: { show: false } }
          : { stroke: colour("--good"), width: 2, spanGaps: true, points: { show: true, size: 5, fill: colour("--good") } },
      ],
    };
    place.textContent = "";
    charts.push([new window.uPlot(options, [days, values], place), place]);
  }

  function drawAll() {
    charts.splice(0).forEach(([chart]) => chart.destroy());
    document.querySelectorAll("figure[data-chart]").forEach(draw);
  }

  if (window.uPlot && rows.length) {
    drawAll();
    window.addEventListener("resize", () => charts.forEach(([chart, place]) => chart.setSize({ width: place.clientWidth, height: 180 })));
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  }
})();
