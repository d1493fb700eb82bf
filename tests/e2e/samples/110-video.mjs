const response = await fetch('https://1.cnmz.de/v1/videos', {
method: 'POST',
headers: {
Authorization: 'Bearer ' + process.env.NEW_API_KEY,
'Content-Type': 'application/json',
},
body: JSON.stringify({
model: 'video-ds-2.0-fast',
prompt: 'A smooth commercial video of a perfume bottle on glass',
seconds: 15,
aspect_ratio: '9:16',
}),
})
const task = await response.json()
console.log(task)
