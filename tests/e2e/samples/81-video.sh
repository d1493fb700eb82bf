curl https://1.cnmz.de/v1/videos \
-H "Authorization: Bearer $NEW_API_KEY" \
-H "Content-Type: application/json" \
-d '{
"model": "video-ds-2.0-fast",
"prompt": "A cinematic 9:16 video of a cat running through warm sunlight",
"seconds": 15,
"aspect_ratio": "9:16"
}'
