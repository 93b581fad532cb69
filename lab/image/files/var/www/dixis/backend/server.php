<?php

// What PHP's own server asks for each request, as in a Laravel project: files below public/ are served as they are,
// all else goes to the front controller.

$path = urldecode(parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH) ?? '');
if ($path !== '/' && is_file(__DIR__.'/public'.$path)) {
    return false;
}
require __DIR__.'/public/index.php';
