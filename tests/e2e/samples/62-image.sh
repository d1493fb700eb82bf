curl https://1.cnmz.de/v1/images/generations \
-H "Authorization: Bearer $NEW_API_KEY" \
-H "Content-Type: application/json" \
-d '{
"model": "gpt-image-1",
"prompt": "A clean product photo of a white ceramic coffee cup on a desk",
"size": "1024x1024",
"n": 1
}'
