<?php

// The front controller: every answer is JSON, and what has no route is a 404.

$routes = require __DIR__.'/../routes/api.php';
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);

header('Content-Type: application/json');
if (!isset($routes[$path])) {
    http_response_code(404);
    echo json_encode(['message' => 'The route '.ltrim((string) $path, '/').' could not be found.']), "\n";
    return;
}
echo json_encode($routes[$path](), JSON_UNESCAPED_SLASHES), "\n";
