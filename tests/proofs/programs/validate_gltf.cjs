// What Khronos' glTF validator says of the files it is given: a JSON list of {file, messages} on stdout.
const fs = require("fs");
const path = require("path");
const validator = require("gltf-validator");

const ERROR_OR_WARNING = 1; // severities: 0 error, 1 warning, 2 information, 3 hint

async function validate(file) {
  const report = await validator.validateBytes(new Uint8Array(fs.readFileSync(file)), {
    uri: path.basename(file),
    maxIssues: 0, // all of them
  });
  const issues = report.issues.messages.filter((issue) => issue.severity <= ERROR_OR_WARNING);
  return {
    file,
    messages: issues.map((issue) => `${issue.code} at ${issue.pointer ?? issue.offset}: ${issue.message}`),
    triangles: report.info.totalTriangleCount,
  };
}

async function main() {
  const reports = [];
  for (const file of process.argv.slice(2)) reports.push(await validate(file));
  console.log(JSON.stringify(reports));
}

main();
