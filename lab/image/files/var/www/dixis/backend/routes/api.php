<?php

return [
    '/api/healthz' => fn () => [
        'status' => 'ok',
        'service' => 'dixis-backend',
    ],
    '/api/v1/public/products' => fn () => [
        'data' => [
            ['id' => 1, 'name' => 'Olive oil, 1 l', 'price' => '12.50'],
            ['id' => 2, 'name' => 'Thyme honey, 450 g', 'price' => '9.80'],
        ],
    ],
];
