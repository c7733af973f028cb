// Turns a Google discovery document into OpenAPI 3: node convert.js IN OUT
const fs = require("fs");
const google = require("google-discovery-to-swagger");
const openapi = require("swagger2openapi");

const [source, target] = process.argv.slice(2);
const swagger = google.convert(JSON.parse(fs.readFileSync(source, "utf8")));
openapi.convertObj(swagger, { patch: true, warnOnly: true }).then(({ openapi: document }) => {
    fs.writeFileSync(target, JSON.stringify(document));
});
