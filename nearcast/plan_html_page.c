#include "nearcast/plan_html.h"

// Colours of sites are Paul Tol's light scheme, which can be told apart on both backgrounds.
const char plan_html_style[] =
	":root{--page:#fff;--ink:#1b1f24;--faint:#5b6570;--line:#d5dbe1;--sea:#eef3f7;--land:#"
	"cfd8df}"
	"@media(prefers-color-scheme:dark){:root{--page:#14181d;--ink:#e6eaee;--faint:#9aa5b0;"
	"--line:#333c46;--sea:#1a222b;--land:#38444f}}"
	"body{margin:0 auto;max-width:72rem;padding:1.5rem;background:var(--page);color:var(--ink);"
	"font:15px/1.5 system-ui,sans-serif}"
	"h1{font-size:1.4rem;margin:0 0 .3rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}"
	"p{margin:.3rem 0}.faint{color:var(--faint)}"
	"svg.map{width:100%;height:auto;background:var(--sea);border-radius:6px;margin-top:1rem}"
	".land{fill:var(--land)}.pie{stroke:var(--page);stroke-width:.6}"
	".site{stroke:#000;stroke-width:1.5}.name{font:bold 20px system-ui,sans-serif;"
	"fill:var(--ink);paint-order:stroke;stroke:var(--sea);stroke-width:4px}"
	"table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}"
	"th,td{text-align:left;padding:.25rem .6rem;border-bottom:1px solid var(--line)}"
	"th{font-weight:600;color:var(--faint)}td.n,th.n{text-align:right}"
	".bar{display:inline-block;height:.7em;border-radius:2px;vertical-align:baseline}"
	".key{display:inline-block;width:.8em;height:.8em;border-radius:50%;margin-right:.5em}"
	".over{color:#c22;font-weight:600}"
	"input{font:inherit;padding:.3rem .6rem;border:1px solid var(--line);border-radius:4px;"
	"background:var(--page);color:var(--ink);width:12rem}"
	"#route{min-height:1.5em;margin-top:.5rem}";

// Routes stand in the page as text: for each AS, ascending, the difference to the AS number before it, the
// index of its next hop (or - where the announcement enters) and its site, all in base 36.
const char plan_html_script[] =
	"'use strict';(()=>{"
	"const rows=[],index=new Map();let asn=0;"
	"for(const part of document.getElementById('routes').textContent.split(/[ \\n]/)){"
	"if(!part)continue;const "
	"f=part.split('.');asn+=parseInt(f[0],36);index.set(asn,rows.length);"
	"rows.push([asn,f[1],f[2]]);}"
	"const sites=JSON.parse(document.getElementById('sites').textContent);"
	"const out=document.getElementById('route');"
	"document.getElementById('asn').addEventListener('input',e=>{"
	"const text=e.target.value.trim().replace(/^as/i,'');"
	"if(!/^[0-9]+$/.test(text)){out.textContent='';return;}"
	"let at=index.get(Number(text));"
	"if(at===undefined){out.textContent='AS '+text+' is not in the graph.';return;}"
	"if(rows[at][2]===undefined){out.textContent='AS '+text+' has no route.';return;}"
	"const path=[];const site=sites[parseInt(rows[at][2],36)];"
	"for(let n=0;n<1000;n++){path.push(rows[at][0]);if(rows[at][1]==='-')break;"
	"at=parseInt(rows[at][1],36);}"
	"out.textContent='AS '+text+' goes to '+site+': '+path.join(' \\u2192 ');});"
	"})();";
