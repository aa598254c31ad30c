/** The look of the page: light or dark as the reader's system is, on a phone, a wide screen and on paper. */
export const style = `
:root{color-scheme:light dark;--bg:#fbfbfa;--card:#fff;--ink:#1b1f24;--soft:#59626d;--rule:#dfe2e6;--link:#0b57b0;
--add:#e3f5e5;--add-ink:#0c5a1e;--cut:#fdeaea;--cut-ink:#8c1d18;--death:#c02626;
--c0:#1f6fc4;--c1:#c2570c;--c2:#13804f;--c3:#8a3fb8;--c4:#b3245f;--c5:#0e7f8c;--c6:#85690a;--c7:#5458c9;--cx:#77808b}
@media (prefers-color-scheme:dark){:root{--bg:#0f1216;--card:#171b21;--ink:#e7eaee;--soft:#a0a9b4;--rule:#2c333c;--link:#7fb7ff;
--add:#12301b;--add-ink:#a4e3b1;--cut:#3a1a1b;--cut-ink:#f5b5b1;--death:#ff7066;
--c0:#6aaef7;--c1:#f0944d;--c2:#4fc48a;--c3:#c48cf0;--c4:#f27aa9;--c5:#4fc3d0;--c6:#d3b44a;--c7:#9a9df5;--cx:#8b949f}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:16px/1.55 system-ui,sans-serif;-webkit-text-size-adjust:100%}
main,header,footer{max-width:1080px;margin:0 auto;padding:0 20px}
header{padding-top:36px}
h1{font-size:30px;line-height:1.2;margin:0 0 4px;letter-spacing:-.01em}
h2{font-size:21px;margin:46px 0 12px;padding-top:14px;border-top:1px solid var(--rule)}
h3{font-size:16px;margin:24px 0 8px;overflow-wrap:anywhere}
p{margin:8px 0}
a{color:var(--link)}
nav ul{display:flex;flex-wrap:wrap;gap:4px 18px;list-style:none;padding:0;margin:18px 0 0}
.lead,.quiet,small,.count{color:var(--soft)}
.lead{overflow-wrap:anywhere}
small{display:block;font-weight:400}
code,pre{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;list-style:none;padding:0;margin:22px 0 0}
.tiles li{background:var(--card);border:1px solid var(--rule);border-radius:10px;padding:12px 16px}
.tiles b{display:block;font-size:25px;line-height:1.25;font-variant-numeric:tabular-nums;white-space:nowrap}
.tiles span{color:var(--soft);font-size:14px}
.tiles .main{border-color:var(--link)}
.scroll{overflow-x:auto;background:var(--card);border:1px solid var(--rule);border-radius:10px}
:focus-visible{outline:2px solid var(--link);outline-offset:2px}
table{border-collapse:collapse;width:100%;font-size:15px;font-variant-numeric:tabular-nums}
th,td{padding:8px 14px;text-align:right;border-bottom:1px solid var(--rule);white-space:nowrap}
tbody tr:last-child>*{border-bottom:0}
thead th{color:var(--soft);font-weight:500;font-size:14px}
th:first-child{text-align:left;font-weight:600}
svg{display:block;width:100%;min-width:760px;padding:6px 0}
svg text{font:12px system-ui,sans-serif;fill:var(--soft)}
svg .lane{fill:var(--ink);font-weight:600}
svg .grid line{stroke:var(--rule)}
svg line.death{stroke:var(--death);stroke-width:1.5;stroke-dasharray:4 3}
svg text.death{fill:var(--death);font-weight:600}
rect{fill:currentColor}
rect.refused{opacity:.28}
rect.again{fill:none;stroke:currentColor;stroke-width:1.2}
rect.crashed{stroke:var(--death);stroke-width:1.6}
rect.gap{fill:var(--death);opacity:.55}
${[0, 1, 2, 3, 4, 5, 6, 7, 'x'].map((name) => `.c${name}{color:var(--c${name})}`).join('')}
.legend{display:flex;flex-wrap:wrap;gap:4px 16px;list-style:none;padding:0;margin:10px 0 0;font-size:14px}
.chip{white-space:nowrap;font-weight:600;font-size:14px}
.chip::before{content:"";display:inline-block;width:.62em;height:.62em;border-radius:2px;background:currentColor;margin-right:.42em}
details.file{background:var(--card);border:1px solid var(--rule);border-radius:10px;margin:10px 0}
summary{cursor:pointer;padding:10px 16px;overflow-wrap:anywhere}
summary .path{font-weight:600;font-size:14px}
summary .count{margin:0 10px;font-size:14px}
.chips .chip{margin-right:12px;font-weight:500}
details ol{list-style:none;margin:0;padding:0}
details li,.people li{padding:10px 16px;border-top:1px solid var(--rule)}
.message{margin:0;overflow-wrap:anywhere}
.line{display:inline-block;min-width:2.6em;padding:0 .5em;margin-right:.4em;border-radius:5px;background:var(--rule);text-align:center;font:12px/1.6 ui-monospace,Menlo,Consolas,monospace}
.diff{margin:8px 0;border-radius:7px;border:1px solid var(--rule);overflow-x:auto}
.diff>*{display:block;width:max-content;min-width:100%;padding:0 12px;white-space:pre;text-decoration:none;min-height:1.5em}
ins{background:var(--add);color:var(--add-ink)}
del{background:var(--cut);color:var(--cut-ink)}
.diff .at{color:var(--soft);font-size:11px}
.why{margin:4px 0 0;font-size:14px;color:var(--soft);overflow-wrap:anywhere}
.gone .message{color:var(--soft)}
.people{list-style:none;margin:10px 0;padding:0;background:var(--card);border:1px solid var(--rule);border-radius:10px}
.people li:first-child{border-top:0}
.people code{display:block;margin:4px 0;overflow-wrap:anywhere;color:var(--soft)}
.warning{margin:0;padding:8px 16px;color:var(--death)}
.checks{list-style:none;padding:0}
.checks .broken{color:var(--death);font-weight:600}
footer{padding:40px 20px;color:var(--soft);font-size:14px}
@media (max-width:560px){body{font-size:15px}header{padding-top:22px}h1{font-size:25px}main,header,footer{padding-left:14px;padding-right:14px}
.tiles{grid-template-columns:1fr 1fr}.tiles li{padding:10px 12px}.tiles b{font-size:20px}summary .chips{display:block}summary .count{display:block;margin:0}}
@media print{:root{color-scheme:light}body{font-size:11pt;background:#fff}nav{display:none}.tiles li,details.file,.scroll,.people{break-inside:avoid-page;border-color:#bbb}
details.file{break-inside:auto}li{break-inside:avoid}.scroll{overflow:visible}svg{min-width:0}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
`;
