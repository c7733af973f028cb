// Turns Slack's published description (Swagger 2.0) into OpenAPI 3:
// node slack_to_openapi.js IN OUT
const fs = require("fs");
const openapi = require("swagger2openapi");

const FORM = "application/x-www-form-urlencoded";

// Ids of messages. The document calls them numbers here and texts of ten and six
// digits (`defs_ts`) elsewhere; no number of JSON holds all sixteen digits.
const IDS = ["ts", "thread_ts", "latest", "oldest"];

async function convert(source, target) {
    const swagger = JSON.parse(fs.readFileSync(source, "utf8"));
    const takesJson = new Set();
    for (const [path, operations] of Object.entries(swagger.paths)) {
        for (const [method, operation] of Object.entries(operations)) {
            if ((operation.consumes || []).includes("application/json")) {
                takesJson.add(`${method} ${path}`);
            }
            // The token goes into `Authorization`, as Slack's documentation asks.
            operation.parameters = (operation.parameters || []).filter((p) => p.name !== "token");
            for (const parameter of operation.parameters) {
                if (IDS.includes(parameter.name)) parameter.type = "string";
            }
            // The schemas of answers are lists of alternatives in `items`, which is
            // no schema, and know no `response_metadata`: answers cannot be judged.
            operation.responses = { default: { description: "any" } };
        }
    }
    delete swagger.definitions;
    const options = { patch: true, warnOnly: true };
    const { openapi: document } = await openapi.convertObj(swagger, options);
    for (const [path, operations] of Object.entries(document.paths)) {
        for (const [method, operation] of Object.entries(operations)) {
            const content = operation.requestBody && operation.requestBody.content;
            if (content && content[FORM] && takesJson.has(`${method} ${path}`)) {
                content["application/json"] = content[FORM];
            }
        }
    }
    fs.writeFileSync(target, JSON.stringify(document));
}

const [source, target] = process.argv.slice(2);
convert(source, target);
