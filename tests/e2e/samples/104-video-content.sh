curl https://1.cnmz.de/v1/videos/{task_id} \
-H "Authorization: Bearer $NEW_API_KEY"
curl -L https://1.cnmz.de/v1/videos/{task_id}/content \
-H "Authorization: Bearer $NEW_API_KEY" \
-o result.mp4
