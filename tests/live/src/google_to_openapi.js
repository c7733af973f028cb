// Turns a Google discovery document into OpenAPI 3: node google_to_openapi.js IN OUT
const fs = require("fs");
const google = require("google-discovery-to-swagger");
const openapi = require("swagger2openapi");

// The description does not say it, but every body is JSON.
function sayJson(part) {
    if (part && part.content && part.content["*/*"]) {
        part.content = { "application/json": part.content["*/*"] };
    }
}

async function convert(source, target) {
    const swagger = google.convert(JSON.parse(fs.readFileSync(source, "utf8")));
    const options = { patch: true, warnOnly: true };
    const { openapi: document } = await openapi.convertObj(swagger, options);
    for (const path of Object.values(document.paths)) {
        for (const operation of Object.values(path)) {
            if (!operation.responses) continue;
            sayJson(operation.requestBody);
            Object.values(operation.responses).forEach(sayJson);
        }
    }
    Object.values(document.components.requestBodies || {}).forEach(sayJson);
    fs.writeFileSync(target, JSON.stringify(document));
}

const [source, target] = process.argv.slice(2);
convert(source, target);
