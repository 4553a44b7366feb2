// Draws the charts of a page from their JSON, and fetches ECharts only when one comes into view.
(() => {
  const source = document.currentScript.dataset.echarts;
  // Okabe and Ito's colours, told apart by colour-blind eyes on light and dark.
  const ON_LIGHT = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00"];
  const ON_DARK = ["#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#f0e442", "#d55e00"];
  const drawn = new Map();
  const watched = new WeakSet();
  let loading;

  const loadEcharts = () => {
    loading ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = source;
      script.onload = resolve;
      script.onerror = reject;
      document.head.append(script);
    });
    return loading;
  };

  const palette = () =>
    document.documentElement.dataset.bsTheme === "dark" ? ON_DARK : ON_LIGHT;

  const cssColour = (name) => getComputedStyle(document.body).getPropertyValue(name).trim();

  const writer = (spec) => {
    const plain = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
    const full = new Intl.NumberFormat("en", {
      minimumFractionDigits: spec.digits,
      maximumFractionDigits: spec.digits,
    });
    const [size, unit] = spec.language === "zh" ? [1e4, "万"] : [1e3, "k"];
    const share = (value) => `${plain.format(value * 100)}%`;
    const money = (value, text) => (value < 0 ? "-" : "") + spec.sign + text;
    return {
      exact(value) {
        if (spec.unit === "share") return share(value);
        return spec.unit === "money" ? money(value, full.format(Math.abs(value))) : full.format(value);
      },
      short(value) {
        if (spec.unit === "share") return share(value);
        const big = Math.abs(value) >= 1e4;
        const text = big ? plain.format(Math.abs(value) / size) + unit : plain.format(Math.abs(value));
        return spec.unit === "money" ? money(value, text) : (value < 0 ? "-" : "") + text;
      },
    };
  };

  const frame = (spec, write, width) => {
    const ink = getComputedStyle(document.body).color;
    const faint = { color: ink, opacity: 0.15 };
    const few = spec.categories.length * 44 <= width;
    return {
      ink,
      few,
      axes: {
        color: palette(),
        animationDuration: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 300,
        textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: ink },
        grid: { left: 8, right: 16, top: spec.series.length > 1 ? 36 : 24, bottom: 8, containLabel: true },
        legend: { show: spec.series.length > 1, top: 0, left: 0, textStyle: { color: ink } },
        tooltip: {
          trigger: "axis",
          renderMode: "richText",
          valueFormatter: (value) => (typeof value === "number" ? write.exact(value) : "–"),
        },
        xAxis: {
          type: "category",
          data: spec.categories,
          axisLabel: { color: ink, hideOverlap: true },
          axisLine: { lineStyle: faint },
          axisTick: { show: false },
        },
        yAxis: {
          type: "value",
          axisLabel: { color: ink, formatter: write.short },
          splitLine: { lineStyle: faint },
        },
      },
    };
  };

  const valueLabel = (show, ink, write) => ({
    show,
    position: "top",
    color: ink,
    formatter: (point) => (typeof point.value === "number" ? write.short(point.value) : ""),
  });

  const intervals = (series, index) => ({
    type: "custom",
    name: series.name,
    data: series.values.map((_, at) => [at, series.low[at], series.high[at]]),
    encode: { x: 0, y: [1, 2] },
    tooltip: { show: false },
    z: 5,
    renderItem(_, api) {
      if (api.value(1) === null || Number.isNaN(api.value(1))) return null;
      const low = api.coord([api.value(0), api.value(1)]);
      const high = api.coord([api.value(0), api.value(2)]);
      const style = { stroke: palette()[index], lineWidth: 2, fill: null };
      const line = (x1, y1, x2, y2) => ({ type: "line", shape: { x1, y1, x2, y2 }, style });
      return {
        type: "group",
        children: [
          line(low[0], low[1], high[0], high[1]),
          line(low[0] - 6, low[1], low[0] + 6, low[1]),
          line(high[0] - 6, high[1], high[0] + 6, high[1]),
        ],
      };
    },
  });

  const barOrLine = (spec, write, width) => {
    const { axes, ink, few } = frame(spec, write, width);
    axes.series = spec.series.map((series) => ({
      type: spec.kind,
      name: series.name,
      data: series.values,
      barMaxWidth: 48,
      symbol: spec.categories.length > 30 ? "none" : "circle",
      symbolSize: 6,
      label: valueLabel(few && spec.series.length === 1, ink, write),
      labelLayout: { hideOverlap: true },
    }));
    spec.series.forEach((series, index) => {
      if (series.low.length) axes.series.push(intervals(series, index));
    });
    return axes;
  };

  const funnel = (spec, write, width) => {
    const { axes, ink } = frame(spec, write, width);
    const values = spec.series[0].values;
    axes.grid.top = 8;
    axes.grid.right = 96;
    [axes.xAxis, axes.yAxis] = [{ ...axes.yAxis, show: false, min: 0 }, { ...axes.xAxis, inverse: true }];
    axes.yAxis.axisLine = { show: false };
    axes.series = [
      {
        type: "bar",
        name: spec.series[0].name,
        data: values,
        barMaxWidth: 40,
        label: {
          show: true,
          position: "right",
          color: ink,
          formatter(point) {
            const share = values[0] ? ` · ${Math.round((1000 * point.value) / values[0]) / 10}%` : "";
            return write.short(point.value) + (point.dataIndex ? share : "");
          },
        },
      },
    ];
    return axes;
  };

  const whisker = (spec, write, width) => {
    const { axes, ink } = frame(spec, write, width);
    axes.series = spec.series.flatMap((series, index) => [
      {
        type: "scatter",
        name: series.name,
        data: series.values,
        symbolSize: 10,
        label: { ...valueLabel(spec.series.length === 1, ink, write), position: "right" },
      },
      intervals(series, index),
    ]);
    return axes;
  };

  const options = (spec, width) => {
    const write = writer(spec);
    if (spec.kind === "funnel") return funnel(spec, write, width);
    return spec.kind === "whisker" ? whisker(spec, write, width) : barOrLine(spec, write, width);
  };

  const draw = async (place) => {
    await loadEcharts();
    const spec = JSON.parse(document.getElementById(place.dataset.chart).textContent);
    drawn.get(place)?.dispose();
    place.replaceChildren();
    const chart = window.echarts.init(place, null, { renderer: "svg" });
    chart.setOption(options(spec, place.clientWidth));
    drawn.set(place, chart);
  };

  const seen = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      draw(target);
    }
  }, { rootMargin: "200px" });
  const resized = new ResizeObserver((entries) => {
    for (const { target } of entries) drawn.get(target)?.resize();
  });
  const watch = (root) => {
    for (const place of root.querySelectorAll("[data-chart]")) {
      if (watched.has(place)) continue;
      watched.add(place);
      seen.observe(place);
      resized.observe(place);
    }
  };

  // A picture to keep: drawn once more, at a size of its own and on a ground of its own.
  const savePng = async (name, ground) => {
    await loadEcharts();
    const size = { width: 1200, height: 600 };
    const spec = JSON.parse(document.getElementById(`${name}-data`).textContent);
    const chart = window.echarts.init(document.createElement("div"), null, { renderer: "canvas", ...size });
    chart.setOption({ ...options(spec, size.width), animation: false });
    const link = document.createElement("a");
    link.href = chart.getDataURL({
      type: "png",
      pixelRatio: 2,
      backgroundColor: ground,
    });
    link.download = `${name}.png`;
    link.click();
    chart.dispose();
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-chart-png]");
    if (!button) return;
    savePng(button.dataset.chartPng, getComputedStyle(button.closest(".card")).backgroundColor);
  });

  watch(document);
  document.addEventListener("htmx:load", (event) => watch(event.detail.elt));
  new MutationObserver(() => [...drawn.keys()].forEach(draw)).observe(document.documentElement, {
    attributeFilter: ["data-bs-theme"],
  });
})();
