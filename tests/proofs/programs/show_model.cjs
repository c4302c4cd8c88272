// A picture of a GLB file in the model-viewer element, in headless Chromium, on a transparent page.
// Arguments: the browser, then one JSON object: {glb, png, size_px, fov_deg, orbit}. What the page
// complains of is a JSON list on stdout.
const fs = require("fs");
const http = require("http");
const path = require("path");
const { chromium } = require("playwright-core");

const FLAGS = [
  "--no-sandbox",
  "--use-gl=angle",
  "--use-angle=swiftshader",
  "--enable-unsafe-swiftshader",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const ELEMENT = path.join(
  path.dirname(require.resolve("@google/model-viewer/package.json")),
  "dist/model-viewer.min.js",
);
const DEADLINE_MS = 120000; // software rendering on a busy machine
const POSTER_MS = 500; // it fades over the model

function page({ size_px, fov_deg, orbit }) {
  return `<!doctype html><link rel="icon" href="data:,"><style>html, body { margin: 0; background: transparent }</style>
    <script type="module" src="/element.js"></script>
    <model-viewer src="/model.glb" style="width:${size_px}px; height:${size_px}px"
      camera-target="0m 0m 0m" camera-orbit="${orbit}" field-of-view="${fov_deg}deg"
      max-field-of-view="90deg" max-camera-orbit="auto auto 100m" shadow-intensity="0"
      interaction-prompt="none"><div slot="progress-bar"></div></model-viewer>`;
}

function serve(request) {
  const answers = {
    "/": ["text/html", () => page(request)],
    "/element.js": ["text/javascript", () => fs.readFileSync(ELEMENT)],
    "/model.glb": ["model/gltf-binary", () => fs.readFileSync(request.glb)],
  };
  return http.createServer(({ url }, response) => {
    const answer = answers[url];
    response.writeHead(answer ? 200 : 404, { "content-type": answer ? answer[0] : "text/plain" });
    response.end(answer ? answer[1]() : "");
  });
}

async function show(browser, url, { png, size_px }) {
  const tab = await browser.newPage({ viewport: { width: size_px, height: size_px } });
  const complaints = [];
  tab.on("pageerror", (error) => complaints.push(String(error)));
  tab.on("console", (line) => line.type() === "error" && complaints.push(line.text()));
  await tab.goto(url);
  await tab.waitForFunction(() => document.querySelector("model-viewer").modelIsVisible, null, {
    timeout: DEADLINE_MS,
  });
  await tab.evaluate(async () => {
    document.querySelector("model-viewer").jumpCameraToGoal();
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  });
  await tab.waitForTimeout(POSTER_MS);
  await tab.screenshot({ path: png, omitBackground: true });
  return complaints;
}

async function main() {
  const [executablePath, text] = process.argv.slice(2);
  const request = JSON.parse(text);
  const server = serve(request);
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  const browser = await chromium.launch({ executablePath, args: FLAGS });
  try {
    const complaints = await show(browser, `http://127.0.0.1:${server.address().port}/`, request);
    console.log(JSON.stringify(complaints));
  } finally {
    await browser.close();
    server.close();
  }
}

main();
