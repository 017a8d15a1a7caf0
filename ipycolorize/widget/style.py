"""The look of the pad, in JupyterLab's own variables: it follows light and dark themes.

The rules come as a `<style>` inside the widget. The last ones hide the static companion picture (`static.py`)
while the widget is alive, and the dead widget, in pages that nbconvert made, in favour of that picture.
"""

# Pages of nbconvert, by its templates lab and reveal, and classic. Voila's look the same, and are alive.
STATIC_PAGE = "body:is(.jp-Notebook, :has(> #notebook)):not([data-voila])"

CSS = """
.ipc-style { display: none; }
.ipc-pad {
  --ipc-text: var(--jp-ui-font-color1, rgba(0, 0, 0, .87));
  --ipc-soft: var(--jp-ui-font-color2, rgba(0, 0, 0, .6));
  --ipc-line: var(--jp-border-color2, #e0e0e0);
  --ipc-fill: var(--jp-layout-color1, #fff);
  --ipc-hover: var(--jp-layout-color2, #eee);
  --ipc-accent: var(--jp-brand-color1, #1976d2);
  --ipc-bad: var(--jp-error-color1, #d32f2f);
  --ipc-edge: rgba(127, 127, 127, .4);
  max-width: 1240px; padding: 4px 2px 8px; overflow: visible; color: var(--ipc-text);
  font-family: var(--jp-ui-font-family, system-ui, sans-serif); font-size: 13px;
}
.ipc-pad .jupyter-widgets { margin: 0; }
.ipc-pad .widget-html, .ipc-pad .widget-html-content {
  margin: 0; height: auto; font-size: 13px; line-height: 18px;
}
.ipc-pad button:focus-visible, .ipc-pad input:focus-visible, .ipc-pad canvas:focus-visible {
  outline: 2px solid var(--ipc-accent); outline-offset: 1px;
}

.ipc-toolbar { flex-wrap: wrap; align-items: center; gap: 2px; padding-bottom: 8px; overflow: visible; }
.ipc-pad .ipc-tool {
  width: 32px; height: 28px; padding: 0; border: 0; border-radius: 4px; box-shadow: none;
  font-size: 14px; line-height: 28px; color: var(--ipc-text); background: transparent;
}
.ipc-pad .ipc-tool:hover:enabled { background: var(--ipc-hover); box-shadow: none; }
.ipc-pad .ipc-tool:disabled { opacity: .32; }
.ipc-pad .ipc-tool.ipc-on, .ipc-pad .ipc-tool.ipc-on:hover:enabled {
  color: var(--jp-ui-inverse-font-color0, #fff); background: var(--ipc-accent);
}
.ipc-pad .ipc-gap { position: relative; margin-left: 9px; overflow: visible; }
.ipc-pad .ipc-gap::before {
  content: ""; position: absolute; left: -6px; top: 6px; width: 1px; height: 16px;
  background: var(--ipc-line);
}
.ipc-pad .ipc-upload { display: flex; align-items: center; justify-content: center; font-size: 0; }
.ipc-pad .ipc-upload i { margin: 0; font-size: 14px; line-height: 1; }

.ipc-body {
  display: flex; flex-flow: row wrap; align-items: flex-start; gap: 16px; overflow: visible;
}
.ipc-view { min-width: 0; overflow: visible; }
.ipc-stage {
  position: relative; overflow: visible; border-radius: 3px; line-height: 0;
  background: var(--ipc-hover); cursor: crosshair; touch-action: none;
}
.ipc-stage canvas.ipc-picture { display: block; border-radius: 3px; pointer-events: none; }
.ipc-stage canvas.ipc-keyboard {
  position: absolute; width: 1px; height: 1px; opacity: 0; visibility: hidden; pointer-events: none;
}
.ipc-stage:hover canvas.ipc-keyboard, .ipc-stage canvas.ipc-keyboard:focus { visibility: visible; }
.ipc-stage:has(canvas.ipc-keyboard:focus) {
  box-shadow: 0 0 0 2px var(--ipc-fill), 0 0 0 3px var(--ipc-line);
}
.ipc-pad .ipc-status {
  min-height: 20px; padding-top: 8px; color: var(--ipc-soft); overflow-wrap: anywhere;
}
.ipc-pad .ipc-row > .ipc-status { min-height: 0; padding-top: 0; }
.ipc-missing { padding: 4px 0; max-width: 72em; }
.ipc-missing code { user-select: all; overflow-wrap: anywhere; }
.ipc-view:has(canvas.ipc-picture) .ipc-missing { display: none; }
.ipc-status b { font-weight: 500; color: var(--ipc-bad); }
.ipc-status a { color: var(--jp-content-link-color, #1976d2); text-decoration: underline; }

.ipc-panel {
  display: flex; flex-flow: column; flex: 0 0 240px; width: 240px; gap: 14px; overflow: visible;
}
.ipc-section { display: flex; flex-flow: column; gap: 6px; overflow: visible; }
.ipc-row { display: flex; align-items: center; gap: 8px; overflow: visible; }
.ipc-pad .ipc-label, .ipc-pad .ipc-label .widget-html-content {
  font-size: 12px; font-weight: 600; line-height: 16px; color: var(--ipc-soft);
}

.ipc-gamut {
  position: relative; box-sizing: border-box; width: 100%; aspect-ratio: 1; overflow: hidden;
  border: 1px solid var(--ipc-line); border-radius: 3px; cursor: crosshair; touch-action: none;
  background:
    linear-gradient(var(--ipc-line), var(--ipc-line)) center / 1px 100% no-repeat,
    linear-gradient(var(--ipc-line), var(--ipc-line)) center / 100% 1px no-repeat, var(--ipc-fill);
}
.ipc-pad .ipc-gamut > * {
  position: absolute; inset: 0; width: 100%; height: 100%; max-width: none; pointer-events: none;
}
.ipc-pad .ipc-overlay .widget-html-content { position: absolute; inset: 0; }
.ipc-ring {
  position: absolute; box-sizing: border-box; width: 14px; height: 14px; margin: -7px 0 0 -7px;
  border: 2px solid #fff; border-radius: 50%;
  box-shadow: 0 0 0 1.5px rgba(0, 0, 0, .75), inset 0 0 0 1px rgba(0, 0, 0, .55);
}
.ipc-axis { position: absolute; font-size: 11px; line-height: 14px; color: var(--ipc-soft); }
.ipc-west { left: 5px; bottom: calc(50% + 1px); }
.ipc-east { right: 5px; bottom: calc(50% + 1px); }
.ipc-north { top: 3px; left: calc(50% + 5px); }
.ipc-south { bottom: 3px; left: calc(50% + 5px); }
.ipc-idle .ipc-plane, .ipc-pad .ipc-idle .ipc-swatch { opacity: .4; }

.ipc-pad .ipc-chip { flex: 0 0 40px; height: 28px; }
.ipc-chip i {
  display: block; box-sizing: border-box; width: 40px; height: 28px;
  border: 1px solid var(--ipc-edge); border-radius: 3px;
}
.ipc-pad .ipc-field { flex: 1 1 0; width: auto; min-width: 0; }
.ipc-pad .ipc-field input { height: 28px; font: 13px var(--jp-code-font-family, monospace); }
.ipc-pad .ipc-file input { font-size: 12px; }
.ipc-pad .ipc-field.ipc-bad input, .ipc-pad .ipc-field.ipc-bad input:focus {
  border-color: var(--ipc-bad); box-shadow: 0 0 0 1px var(--ipc-bad);
}
.ipc-swatches { display: grid; grid-template-columns: repeat(9, 1fr); gap: 4px; overflow: visible; }
.ipc-recent .ipc-swatches { grid-template-columns: repeat(10, 1fr); }
.ipc-common .ipc-swatches { grid-template-columns: repeat(12, 1fr); gap: 3px; }
.ipc-pad .ipc-swatch {
  min-width: 0; padding: 0; border: 1px solid var(--ipc-edge); border-radius: 3px; box-shadow: none;
}
.ipc-pad .ipc-swatch:hover:enabled {
  box-shadow: 0 0 0 2px var(--ipc-fill), 0 0 0 3.5px var(--ipc-accent);
}
.ipc-pad .ipc-swatch:disabled { opacity: 1; border-color: var(--ipc-line); cursor: default; }
.ipc-pad .ipc-slider { flex: 1 1 0; width: auto; min-width: 0; height: 20px; line-height: 20px; }
.ipc-pad .ipc-slider .slider-container { display: flex; align-items: center; height: 20px; }
.ipc-pad .ipc-slider .slider { flex: 1; }
.ipc-pad .ipc-value { flex: 0 0 48px; text-align: right; color: var(--ipc-soft); }
.ipc-pad .ipc-action {
  width: auto; height: 28px; padding: 0 12px; border-radius: 3px; box-shadow: none;
  font-size: 13px; line-height: 28px; color: var(--ipc-text); background: var(--ipc-hover);
}
.ipc-pad .ipc-action:hover:enabled { background: var(--jp-layout-color3, #ddd); box-shadow: none; }

.ipc-pad .ipc-mood {
  display: flex; flex-flow: column; margin-top: 10px; overflow: visible;
  border-top: 1px solid var(--ipc-line);
}
.ipc-mood-line {
  position: relative; display: flex; align-items: center; gap: 10px; padding: 6px 0; overflow: visible;
}
.ipc-pad .ipc-fold {
  position: static; flex: 0 0 auto; width: auto; height: 22px; padding: 0; border: 0; overflow: visible;
  box-shadow: none; background: transparent;
  font-size: 12px; font-weight: 600; line-height: 22px; color: var(--ipc-soft);
}
.ipc-pad .ipc-fold:hover:enabled, .ipc-pad .ipc-fold:focus:enabled {
  background: transparent; box-shadow: none;
}
.ipc-pad .ipc-fold:focus:not(:focus-visible) { outline: none; }
.ipc-pad .ipc-fold:hover:enabled { color: var(--ipc-text); }
.ipc-pad .ipc-fold:disabled { opacity: 1; cursor: default; }
.ipc-pad .ipc-fold::after { content: ""; position: absolute; inset: 0; }
.ipc-fold i { display: inline-block; width: 12px; text-align: left; }
.ipc-pad .ipc-summary { flex: 1 1 0; min-width: 0; color: var(--ipc-soft); pointer-events: none; }
.ipc-pad .ipc-summary.ipc-set { color: var(--ipc-text); }
.ipc-pad .ipc-fold:enabled + .ipc-summary .widget-html-content {
  overflow: hidden; white-space: nowrap; text-overflow: ellipsis;
}
.ipc-mood-body { display: flex; flex-flow: row wrap; gap: 14px 20px; padding-top: 4px; overflow: visible; }
.ipc-mood-body > .ipc-section { flex: 1 1 260px; min-width: 0; gap: 8px; }

.ipc-bars {
  position: relative; height: 112px; border: 1px solid var(--ipc-line); border-radius: 3px; overflow: hidden;
  cursor: ns-resize; touch-action: none; background: var(--ipc-fill);
}
.ipc-pad .ipc-bars > .ipc-overlay { position: absolute; inset: 0; }
.ipc-cells {
  position: absolute; inset: 0; display: grid; grid-template: repeat(2, 1fr) / repeat(13, 1fr);
}
.ipc-cells > i { position: relative; border-bottom: 1px solid var(--ipc-line); }
.ipc-cells > i.ipc-on { background: var(--ipc-hover); border-color: var(--ipc-accent); }
.ipc-cells b { position: absolute; left: 2px; right: 2px; bottom: 0; border-radius: 2px 2px 0 0; }
.ipc-cells.ipc-pale b { opacity: .5; }
.ipc-vivid, .ipc-muted { right: 4px; pointer-events: none; }
.ipc-vivid { top: 2px; }
.ipc-muted { top: calc(50% + 2px); }
.ipc-pad .ipc-family { flex: 0 1 118px; width: auto; min-width: 0; }
.ipc-pad .ipc-family select { height: 28px; font-size: 13px; }

.ipc-drop {
  position: relative; box-sizing: border-box; display: flex; align-items: center; height: 56px;
  padding: 0 7px; border: 1px dashed var(--ipc-edge); border-radius: 3px; overflow: visible;
}
.ipc-drop.ipc-filled { border-style: solid; border-color: var(--ipc-line); }
.ipc-drop:hover { background: var(--ipc-hover); }
.ipc-drop.ipc-over { border: 1px solid var(--ipc-accent); background: var(--ipc-hover); }
.ipc-pad .ipc-reference { flex: 1 1 0; min-width: 0; color: var(--ipc-soft); }
.ipc-reference .widget-html-content {
  display: flex; align-items: center; justify-content: center; gap: 10px;
}
.ipc-filled .ipc-reference .widget-html-content { justify-content: flex-start; color: var(--ipc-text); }
.ipc-reference i { flex: 0 0 60px; height: 40px; border-radius: 2px; }
.ipc-reference span { overflow: hidden; white-space: nowrap; text-overflow: ellipsis; }
.ipc-pad .ipc-over-all {
  position: absolute; inset: 0; width: 100%; height: 100%; padding: 0; border: 0; font-size: 0;
  background: transparent; box-shadow: none;
}
.ipc-pad .ipc-over-all:hover:enabled { background: transparent; box-shadow: none; }
.ipc-arm-holder { position: absolute; width: 0; height: 0; }
.ipc-arm { display: block; animation: ipc-arm 1ms; }
@keyframes ipc-arm { from { opacity: 0; } }
.ipc-pad .ipc-cross {
  position: relative; flex: 0 0 20px; width: 20px; height: 20px; padding: 0; border: 0; border-radius: 3px;
  box-shadow: none; font-size: 12px; line-height: 20px; color: var(--ipc-soft); background: transparent;
}
.ipc-pad .ipc-cross:hover:enabled { color: var(--ipc-text); background: var(--ipc-hover); box-shadow: none; }
.ipc-drop .ipc-cross:hover:enabled { background: var(--jp-layout-color3, #ddd); }
.ipc-pad .ipc-mood .ipc-slider { flex-basis: 60px; min-width: 44px; }
.ipc-no-cross { padding-right: 28px; }
.ipc-pad .ipc-named > .widget-label {
  flex: 0 0 72px; width: 72px; margin: 0; height: 20px; line-height: 20px; font-size: 13px; text-align: left;
  color: var(--ipc-text);
}
.ipc-pad .ipc-slider.ipc-pale .slider-container { opacity: .5; }

.ipc-compare-tools { flex-wrap: wrap; align-items: center; gap: 0 16px; overflow: visible; }
.ipc-pad .ipc-show { width: 208px; margin-bottom: 8px; }
.ipc-pad .ipc-show select { height: 28px; font-size: 13px; }
.ipc-pad .ipc-compare { flex: 1 1 480px; }
.ipc-sides { display: flex; flex-flow: row wrap; gap: 12px 16px; overflow: visible; }
.ipc-side { flex: 1 1 230px; min-width: 0; overflow: visible; }
.ipc-pad .ipc-name { padding-bottom: 4px; }
.ipc-name b { font-weight: 600; }
.ipc-pad .ipc-side .ipc-status { min-height: 18px; padding-top: 0; font-size: 12px; }
.ipc-pad .ipc-reading { min-height: 18px; padding-top: 6px; font-variant-numeric: tabular-nums; }
.ipc-reading i {
  display: inline-block; width: 12px; height: 12px; margin-right: 5px; vertical-align: -2px;
  border-radius: 2px; box-shadow: inset 0 0 0 1px var(--ipc-edge);
}
.ipc-pad .ipc-above, .ipc-pad .ipc-above .widget-html-content {
  position: absolute; inset: 0; height: 100%; pointer-events: none;
}
.ipc-above svg { position: absolute; inset: 0; width: 100%; height: 100%; }
.ipc-above line { stroke: #fff; stroke-width: 2px; vector-effect: non-scaling-stroke; }
.ipc-above line.ipc-under { stroke: #141414; stroke-width: 4px; }
.ipc-plus { position: absolute; }
.ipc-plus::before, .ipc-plus::after {
  content: ""; position: absolute; background: #fff; box-shadow: 0 0 0 1px #141414;
}
.ipc-plus::before { left: -11px; top: -1px; width: 22px; height: 2px; }
.ipc-plus::after { left: -1px; top: -11px; width: 2px; height: 22px; }

body:not($STATIC) .jp-OutputArea-child:has(.ipc-pad):is(:not(:has(.ipc-stage)), :has(.ipc-stage canvas)):not(
  :has(.ipc-test)) + .jp-OutputArea-child,
$STATIC .jp-OutputArea-child:has(.ipc-pad) { display: none; }
""".replace("$STATIC", STATIC_PAGE)
